import type { Command } from 'commander';
import { bashScript } from './bash-script.ts';
import { completionTree } from './completion-tree.ts';
import { fishScript } from './fish-script.ts';
import type { Shell } from './shells.ts';
import { zshScript } from './zsh-script.ts';

const writers = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Record<Shell, unknown>;

/** A script that is complete in itself: completing starts no process of this program. */
export function completionScript(program: Command, shell: Shell): string {
  return writers[shell](completionTree(program));
}

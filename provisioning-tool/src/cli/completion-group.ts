import { Argument, type Command } from 'commander';
import { shells } from '../completion/shells.ts';
import type { Define } from './command-spec.ts';

export function addCompletionCommand(program: Command, define: Define): void {
  define(
    program,
    {
      name: 'completion',
      summary: 'Print what makes a shell complete this program’s commands, flags and batches.',
      teaches:
        'Write it once to where the shell looks, and open a new shell. Names of batches come from the folder\n' +
        '$AOVIS_WORKSPACE, else ./factory.',
      examples: [
        {
          line: 'aovis-provision completion bash > ~/.local/share/bash-completion/completions/aovis-provision',
          does: 'for bash with bash-completion; without that: source <(aovis-provision completion bash)',
        },
        {
          line: 'aovis-provision completion zsh > ~/.zfunc/_aovis-provision',
          does: 'for zsh, where ~/.zshrc has: fpath+=(~/.zfunc); autoload -U compinit; compinit',
        },
        {
          line: 'aovis-provision completion fish > ~/.config/fish/completions/aovis-provision.fish',
          does: 'for fish',
        },
      ],
      changes: false,
    },
    async ({ terminal }, _flags, [shell]) => {
      const { completionScript } = await import('../completion/completion-script.ts');
      const script = completionScript(program, shells.find((each) => each === shell) ?? 'bash');
      terminal.result({ shell, script }, [script.trimEnd()]);
    },
  ).addArgument(new Argument('<shell>', 'which shell').choices(shells));
}

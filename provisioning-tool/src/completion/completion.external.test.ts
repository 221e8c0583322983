import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';

const execute = promisify(execFile);

/** What was typed, and the only thing that it may become. */
const unique: readonly (readonly [typed: string, completed: string])[] = [
  ['lab', 'labels'],
  ['labels pr', 'labels print'],
  ['labels print --rea', 'labels print --reason'],
  ['labels print --label-format roll-40x20 --onl', 'labels print --label-format roll-40x20 --only-new'],
  ['ca register --mode DEF', 'ca register --mode DEFAULT'],
  ['ca register --region labels --mod', 'ca register --region labels --mode'],
  ['batch verify sum', 'batch verify summer-1'],
  ['labels check --batch sum', 'labels check --batch summer-1'],
  ['batch plan boards.c', 'batch plan boards.csv'],
  ['completion fi', 'completion fish'],
];

describe('completion in real shells', () => {
  let directory: string;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aovis-completion-'));
    await mkdir(join(directory, 'station', 'batches', 'summer-1'), { recursive: true });
    await writeFile(join(directory, 'boards.csv'), '');
    environment = { PATH: process.env['PATH'], HOME: directory, AOVIS_WORKSPACE: './station', TERM: 'dumb' };
    const factory = new FactoryFixture();
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout } = await factory.succeed('completion', shell);
      await writeFile(join(directory, shell), stdout);
    }
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  async function run(shell: string, script: string): Promise<string> {
    const { stdout } = await execute(shell, [...(shell === 'zsh' ? ['-f'] : []), '-c', script], {
      cwd: directory,
      env: environment,
    });
    return stdout;
  }

  const lastWord = (text: string) => text.split(' ').at(-1) ?? '';
  /** The candidates, which a bash function leaves behind. */
  const bash = async (typed: string) =>
    (
      await run(
        'bash',
        `source ./bash; COMP_WORDS=(aovis-provision ${typed}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _aovis_provision; printf '%s\\n' "\${COMPREPLY[@]}"`,
      )
    ).trim();

  it('bash', async () => {
    for (const [typed, completed] of unique)
      expect([typed, await bash(typed)]).toEqual([typed, lastWord(completed)]);
    expect(await bash('labels ""')).toBe('print\ncheck\nledger\nsample\nformats');
    expect(await bash('labels print --reason pri')).toBe('');
  });

  it('fish', async () => {
    const candidates = async (typed: string) =>
      (await run('fish', `source ./fish; complete -C 'aovis-provision ${typed}'`))
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0]);
    for (const [typed, completed] of unique)
      expect([typed, await candidates(typed)]).toEqual([typed, [lastWord(completed)]]);
    expect(new Set(await candidates('labels '))).toEqual(
      new Set(['check', 'formats', 'ledger', 'print', 'sample']),
    );
    expect(await run('fish', "source ./fish; complete -C 'aovis-provision aud'")).toBe(
      'audit\tWho did what at this station, and proof that it is all there.\n',
    );
  });

  it('zsh, where a person presses the key', async () => {
    // A terminal inside zsh: keys are taken in order, so the line is complete when the newline behind the tab arrives.
    const keys = unique.map(([typed]) => `zpty -w -n t $'aovis-provision ${typed}\\t\\n'`);
    const output = await run(
      'zsh',
      `zmodload zsh/zpty
zpty t zsh -f -i
zpty -w t 'autoload -U compinit; compinit -u -D; source ./zsh; aovis-provision() { print -r -- "<<$*>>" }'
${keys.join('\n')}
zpty -w t exit
while zpty -r t line; do print -r -- $line; done`,
    );
    const ran = [...output.matchAll(/^<<(.*)>>\s*$/gm)].map(([, words]) => words?.trim());
    expect(ran).toEqual(unique.map(([, completed]) => completed));
  });
});

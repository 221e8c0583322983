import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CommandJournal } from '../commands/command-journal.ts';
import { systemClock } from '../host/clock.ts';
import { openStateDirectory, type StateDirectory } from '../host/state-directory.ts';
import { lockDirectory } from '../status/directory-lock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { resetBoard } from './reset.ts';

const ids = { expired: '01KA0000000000000000000001', pending: '01KA0000000000000000000002' };

let state: StateDirectory;

beforeEach(async () => {
  state = await openStateDirectory(join(await temporaryDirectory(), 'state'));
});

const reset = (stopAgent = false): Promise<void> =>
  resetBoard({
    state,
    clock: systemClock,
    stopAgent,
    terminate: (pid) => {
      throw new Error(`Nobody is to be ended, least of all ${pid}.`);
    },
  });

function fill(): void {
  for (const directory of [state.outbox, state.video, state.log]) {
    mkdirSync(directory);
    writeFileSync(join(directory, 'x'), 'x');
  }
  for (const file of [state.runningConfig, state.reportedState, state.binding, state.proofs, state.jobs])
    writeFileSync(file, '{}');
}

describe('reset', () => {
  it('removes what is the owner’s, keeps what must not happen twice', async () => {
    fill();
    const journal = new CommandJournal({ path: state.commands });
    const now = systemClock.now();
    for (const [id, expires] of [
      [ids.expired, now - 1],
      [ids.pending, now + 60_000],
    ] as const)
      await journal.take(
        { id, type: 'reboot', expires_at: expires, answer: { status: 'accepted' }, delivered: false },
        now,
      );
    await writeFile(join(state.path, 'of-another-program'), '');

    await reset();

    expect((await readdir(state.path)).sort()).toEqual([
      'commands.json',
      'jobs.json',
      'of-another-program',
      'proofs.json',
    ]);
    const left = await readFile(state.commands, 'utf8');
    expect(left).toContain(ids.pending);
    expect(left).not.toContain(ids.expired);
  });

  it('may be repeated, and needs nothing to be there', async () => {
    await reset();
    await reset();
    expect(await readdir(state.path)).toEqual([]);
  });

  it('refuses a directory that does not exist, and makes none', async () => {
    await rm(state.path, { recursive: true });
    await expect(reset()).rejects.toMatchObject({
      code: 'stateUnusable',
      message: expect.stringContaining(
        'does not exist: nothing was removed. Name the one that the agent runs with',
      ),
    });
    await expect(readdir(state.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses while somebody holds the directory', async () => {
    fill();
    const release = await lockDirectory(state.path);
    await expect(reset()).rejects.toMatchObject({
      code: 'stateInUse',
      message: expect.stringContaining('--stop-agent'),
    });
    await release?.();
    expect(await readdir(state.path)).toHaveLength(8);
    await reset();
  });

  it('waits for an agent that is ending', async () => {
    fill();
    const release = await lockDirectory(state.path);
    const done = reset(true);
    await release?.();
    await done;
    expect(await readdir(state.path)).toEqual(['jobs.json', 'proofs.json']);
  });
});

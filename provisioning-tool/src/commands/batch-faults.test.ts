import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isProvisioned } from '../journal/journal-state.ts';
import type { DiskFault } from '../testing/disk-fault.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { ToolProcess } from '../testing/tool-process.ts';

const boards = 1;

/** Real processes whose disk fails at a chosen operation, or that are killed there; then the same command. */
describe('batch run, with a disk that fails', () => {
  let factory: FactoryFixture;
  let tool: ToolProcess;
  let csv: string;

  beforeEach(async () => {
    factory = new FactoryFixture();
    tool = new ToolProcess(factory);
    await factory.start();
    await factory.prepare();
    csv = await factory.writeBoards('boards.csv', boards);
  });

  afterEach(async () => {
    tool.kill();
    await factory.stop();
  });

  function run(fault?: DiskFault, words = ['batch', 'run', csv]) {
    return tool.run([...words, '--passphrase-file', factory.passphraseFile], fault);
  }

  async function expectAllDoneOnce(): Promise<void> {
    const { state, tornBytes } = await replayJournal(journalPath(factory.workspace));
    expect(tornBytes).toBe(0);
    expect([...state.boards.values()].filter(isProvisioned)).toHaveLength(boards);
    expect(factory.iot.certificates.size).toBe(boards);
    expect(factory.backend.devices.size).toBe(boards);
    expect(await factory.cli('batch', 'reconcile', 'boards')).toMatchObject({ exitCode: 0 });
  }

  const journal = 'journal.jsonl';
  // Opening it syncs it as well.
  const afterOpening = 1;
  it.each<[string, DiskFault]>([
    [
      'killed right after the first record of each run',
      { file: journal, operation: 'sync', at: afterOpening + 1, effect: 'kill-after' },
    ],
    [
      'killed in the middle of the second record of each run',
      { file: journal, operation: 'write', at: 2, effect: 'kill-torn' },
    ],
    [
      'killed before the second record of each run is safe',
      { file: journal, operation: 'sync', at: afterOpening + 2, effect: 'kill-before' },
    ],
    [
      'out of space in the middle of the second record',
      { file: journal, operation: 'write', at: 2, effect: 'enospc-torn' },
    ],
  ])(
    '%s: every step of the journal is a place to go on from',
    async (_, fault) => {
      let runs = 0;
      for (; runs < 60; runs++) {
        const { code, stderr } = await run(fault);
        expect(await factory.activeWithoutBundle(['boards'])).toEqual([]);
        if (code === 0) break;
        expect(code).toBe(fault.effect.startsWith('kill') ? null : 8);
        if (code === 8) expect(stderr).toContain('free some disk space');
      }
      expect(runs).toBeGreaterThan(3);
      await expectAllDoneOnce();
    },
    90_000,
  );

  it.each<[string, DiskFault, RegExp]>([
    ['a key', { file: 'device.key', operation: 'write', at: 1, effect: 'enospc' }, /ENOSPC/],
    [
      'a certificate, half written',
      { file: 'device.crt', operation: 'write', at: 1, effect: 'enospc-torn' },
      /ENOSPC/,
    ],
    [
      'a label, half written',
      { file: 'labels.csv', operation: 'write', at: 1, effect: 'enospc-torn' },
      /ENOSPC/,
    ],
    [
      'a bundle on its way to its place',
      { file: 'aovis-n4k-000001', operation: 'rename', at: 2, effect: 'enospc' },
      /ENOSPC/,
    ],
  ])(
    'runs out of space at %s: says so, and goes on',
    async (_, fault, sentence) => {
      const { code, stderr } = await run(fault);
      expect(code).toBe(8);
      expect(stderr).toMatch(sentence);
      expect(stderr).toContain('run the same command again');
      expect(await factory.activeWithoutBundle(['boards'])).toEqual([]);
      expect((await run()).code).toBe(0);
      await expectAllDoneOnce();
    },
    30_000,
  );

  it('a change of a board, killed after each of its records, goes on', async () => {
    expect((await run()).code).toBe(0);
    const words = ['device', 'rma', 'N4K-000001', '--reason', 'a test of this'];
    let runs = 0;
    for (; runs < 20; runs++) {
      const fault: DiskFault = {
        file: journal,
        operation: 'sync',
        at: afterOpening + 1,
        effect: 'kill-after',
      };
      const { code } = await run(fault, words);
      expect(await factory.activeWithoutBundle(['boards'])).toEqual([]);
      if (code === 0) break;
      if (
        runs > 0 &&
        factory.backend.devices.get('aovis-n4k-000001')?.code_epoch === 2 &&
        (await isFinished())
      )
        break;
    }
    expect(runs).toBeGreaterThan(6);
    expect(factory.backend.devices.get('aovis-n4k-000001')?.code_epoch).toBe(2);
    expect([...factory.iot.certificates.values()].map(({ status }) => status)).toEqual(['REVOKED', 'ACTIVE']);
    expect(await factory.cli('batch', 'reconcile', 'boards')).toMatchObject({ exitCode: 0 });
  }, 60_000);

  async function isFinished(): Promise<boolean> {
    const { state } = await replayJournal(journalPath(factory.workspace));
    return state.boards.get('N4K-000001')?.life?.pending === undefined;
  }
});

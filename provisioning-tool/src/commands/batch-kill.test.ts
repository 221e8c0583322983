import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isProvisioned } from '../journal/journal-state.ts';
import { FactoryFixture, serialOf } from '../testing/factory-fixture.ts';

const boards = 6;
const main = join(import.meta.dirname ?? __dirname, '..', 'main.ts');

/** Real processes, killed with SIGKILL; then the same command. */
describe('batch run, killed', () => {
  let factory: FactoryFixture;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await factory.stop();
  });

  /** Runs the batch in a child and waits for its end, killed or not. */
  async function runChild(csv: string): Promise<number | null> {
    child = spawn(
      process.execPath,
      [
        main,
        'batch',
        'run',
        csv,
        '--workspace',
        factory.workspace,
        '--passphrase-file',
        factory.passphraseFile,
      ],
      { env: { ...process.env, ...factory.env }, stdio: 'ignore' },
    );
    const [code] = (await once(child, 'exit')) as [number | null];
    child = undefined;
    return code;
  }

  const kill = () => child?.kill('SIGKILL');

  /** Kills at the n-th call to the cloud, before or after its effect. */
  function killAtCall(n: number, afterEffect: boolean): void {
    let call = 0;
    factory.iot.options.onCall = (_operation, done) => {
      if (done === afterEffect && ++call === n) kill();
    };
  }

  /** Kills at the n-th change of a file in the batch's folder or the journal. */
  function killAtFileChange(n: number): FSWatcher {
    let change = 0;
    return watch(factory.workspace, { recursive: true }, () => {
      if (++change === n) kill();
    });
  }

  async function expectAllDoneOnce(): Promise<void> {
    const { state, tornBytes } = await replayJournal(journalPath(factory.workspace));
    expect(tornBytes).toBe(0);
    expect([...state.boards.values()].filter(isProvisioned)).toHaveLength(boards);
    expect(factory.iot.things.size).toBe(boards);
    // No orphan, active or not.
    expect(factory.iot.certificates.size).toBe(boards);
    expect([...factory.iot.certificates.values()].every(({ status }) => status === 'ACTIVE')).toBe(true);
    expect([...factory.iot.things.values()].every(({ principals }) => principals.size === 1)).toBe(true);
    expect(factory.backend.devices.size).toBe(boards);
    const batch = join(factory.workspace, 'batches', 'boards');
    expect(await readdir(join(batch, 'staging'))).toEqual([]);
    expect(await readdir(join(batch, 'bundles'))).toHaveLength(boards);
    const rows = (await readFile(join(batch, 'labels.csv'), 'utf8')).trim().split('\n').slice(1);
    const digests = rows.map((row) => {
      const [serial = '', , , typed = ''] = row.split(',');
      const reading = readActivationCode(typed);
      return reading.ok ? activationCodeDigest(serial, reading.code) : '';
    });
    const handedOver = [...factory.backend.devices.values()].map(
      (device) => device.activation_code_digest ?? 'none',
    );
    expect(rows.map((row) => row.split(',', 1)[0])).toEqual(rows.map((_, i) => serialOf(i + 1)));
    expect(digests.sort((a, b) => a.localeCompare(b))).toEqual(handedOver.sort((a, b) => a.localeCompare(b)));
    expect((await factory.cli('batch', 'verify', 'boards')).exitCode).toBe(0);
  }

  it('at calls to the cloud, before and after their effect: no board twice, none lost, none half', async () => {
    const csv = await factory.writeBoards('boards.csv', boards);
    for (const [n, afterEffect] of [
      [1, false],
      [1, true],
      [4, true],
      [6, false],
      [9, true],
      [3, true],
      [2, false],
    ] as const) {
      killAtCall(n, afterEffect);
      await runChild(csv);
      expect(await factory.activeWithoutBundle(['boards'])).toEqual([]);
    }
    factory.iot.options.onCall = () => undefined;
    expect(await runChild(csv)).toBe(0);
    await expectAllDoneOnce();
  }, 60_000);

  it('at changes on the disk: no board twice, none lost, none half', async () => {
    const csv = await factory.writeBoards('boards.csv', boards);
    for (const n of [1, 5, 12, 25, 40, 60, 20]) {
      const watcher = killAtFileChange(n);
      await runChild(csv);
      watcher.close();
      expect(await factory.activeWithoutBundle(['boards'])).toEqual([]);
    }
    expect(await runChild(csv)).toBe(0);
    await expectAllDoneOnce();
  }, 60_000);

  it('while the manifest is handed over: it is taken once', async () => {
    const csv = await factory.writeBoards('boards.csv', boards);
    for (const afterEffect of [false, true]) {
      factory.backend.onPush = (done) => {
        if (done === afterEffect) kill();
      };
      await runChild(csv);
    }
    factory.backend.onPush = undefined;
    expect(await runChild(csv)).toBe(0);
    expect(factory.backend.manifests.size).toBe(1);
    await expectAllDoneOnce();
  }, 60_000);
});

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { auditPath, readAudit } from '../audit/audit-log.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';

const main = join(import.meta.dirname ?? __dirname, '..', 'main.ts');
const boards = 40;

/** Real processes, killed with SIGKILL at changes on the disk. */
describe('labels print, killed', () => {
  let factory: FactoryFixture;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', boards));
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await factory.stop();
  });

  const sheets = () => join(factory.workspace, 'batches', 'boards', 'sheets');
  const filesIn = async (folder: string) => await readdir(folder).catch(() => []);

  /** Kills at the n-th change of a file, if the run lasts so long. Returns its exit code, null when it was killed. */
  async function printKilledAt(n: number): Promise<number | null> {
    let change = 0;
    const watcher = watch(factory.workspace, { recursive: true }, () => {
      if (++change === n) child?.kill('SIGKILL');
    });
    const words = [
      'labels',
      'print',
      'boards',
      '--reason',
      'the power went away',
      '--workspace',
      factory.workspace,
    ];
    child = spawn(process.execPath, [main, ...words], {
      env: { ...process.env, ...factory.env },
      stdio: 'ignore',
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    child = undefined;
    watcher.close();
    return code;
  }

  /** Whoever holds a sheet is in the ledger; the chain holds. */
  async function expectSheetsInLedger(): Promise<void> {
    const known = new Map<string, string>();
    for await (const { record } of readAudit(auditPath(factory.workspace)))
      if (record.type === 'labels_printed') known.set(record.file ?? '', record.sha256 ?? '');
    for (const name of await filesIn(sheets())) {
      if (name.startsWith('.')) continue;
      const content = await readFile(join(sheets(), name));
      expect(known.get(join(sheets(), name))).toBe(createHash('sha256').update(content).digest('hex'));
    }
    expect((await factory.cli('audit', 'verify')).exitCode).toBe(0);
  }

  it('at any change on the disk: no sheet that the ledger does not know, none half, no lock in the way', async () => {
    let killed = 0;
    for (let n = 1; n <= 40; n += 2) {
      if ((await printKilledAt(n)) === null) killed += 1;
      await expectSheetsInLedger();
    }
    expect(killed).toBeGreaterThan(5);
    expect(await printKilledAt(Number.POSITIVE_INFINITY)).toBe(0);
    await expectSheetsInLedger();
    expect((await filesIn(sheets())).filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await factory.succeed('labels', 'ledger', 'boards')).stdout).toContain(
      `${boards} labels printed`,
    );
  }, 120_000);
});

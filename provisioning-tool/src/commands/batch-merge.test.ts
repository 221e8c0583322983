import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { startSecondStation } from '../testing/second-station.ts';

describe('batch merge', () => {
  /** The second one works with the cloud, the backend and the CA of the first. */
  let first: FactoryFixture;
  let second: FactoryFixture;

  beforeEach(async () => {
    first = new FactoryFixture();
    await first.start();
    await first.prepare();
    second = await startSecondStation(first);
    expect((await first.runBatch(await first.writeCsv('boards.csv', list(1, 2)))).exitCode).toBe(0);
  });

  afterEach(async () => {
    await second.stop();
    await first.stop();
  });

  const list = (...numbers: number[]) =>
    ['serial,model', ...numbers.map((n) => `N4K-00000${n},n4k`), ''].join('\n');
  const take = (...flags: string[]) =>
    first.cli('batch', 'merge', 'boards', '--from', second.workspace, ...flags);

  it('takes over what two stations made of one batch, once', async () => {
    expect((await second.runBatch(await second.writeCsv('boards.csv', list(3, 4)))).exitCode).toBe(0);
    // Each station alone leaves the other's boards alone.
    expect((await first.cli('batch', 'reconcile', 'boards')).stdout).toContain(
      'the journal does not know it',
    );
    expect(JSON.parse((await take('--dry-run', '--json')).stdout)).toMatchObject({ merged: 2 });
    expect(JSON.parse((await take('--json')).stdout)).toMatchObject({ merged: 2, present: 0 });
    expect(JSON.parse((await take('--json')).stdout)).toMatchObject({ merged: 0, present: 2 });
    expect(await first.cli('batch', 'reconcile', 'boards')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('agree'),
    });
    const verified = await first.succeed('batch', 'verify', 'boards', '--json');
    expect(JSON.parse(verified.stdout)).toMatchObject({ verified: 4, unfinished: 0, not_handed_over: 0 });
    const labels = await readFile(join(first.workspace, 'batches', 'boards', 'labels.csv'), 'utf8');
    expect(labels.match(/^N4K-/gm)).toHaveLength(4);
    // They are this station's now: it can change them.
    await first.succeed(
      'device',
      'rma',
      'N4K-000003',
      '--reason',
      'came back',
      '--passphrase-file',
      first.passphraseFile,
    );
    expect((await first.cli('batch', 'reconcile', 'boards')).exitCode).toBe(0);
    expect((await first.cli('audit', 'verify')).exitCode).toBe(0);
    // And its own list can be run again.
    expect((await first.runBatch(await first.writeCsv('boards.csv', list(1, 2)))).exitCode).toBe(0);
    const to = join(first.directory, 'export');
    expect(
      JSON.parse((await first.succeed('batch', 'export', 'boards', '--to', to, '--json')).stdout),
    ).toMatchObject({
      boards: 4,
      failed: 0,
      manifests: 3,
    });
  });

  it('refuses boards that are not finished, changed on the way, or made twice', async () => {
    first.iot.options.fault = (operation) =>
      operation === 'AttachPolicy'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    const csv = await second.writeCsv('boards.csv', list(3));
    expect((await second.runBatch(csv)).exitCode).toBe(6);
    expect(await take()).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('N4K-000003 is not finished or not handed over there'),
    });
    first.iot.options.fault = () => undefined;
    expect((await second.runBatch(csv)).exitCode).toBe(0);
    const key = join(second.workspace, 'batches', 'boards', 'bundles', 'aovis-n4k-000003', 'device.key');
    const content = await readFile(key, 'utf8');
    const other = join(first.workspace, 'batches', 'boards', 'bundles', 'aovis-n4k-000001', 'device.key');
    await writeFile(key, await readFile(other));
    expect(await take()).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('N4K-000003: the key does not belong to the certificate'),
    });
    await writeFile(key, content);
    expect((await first.cli('batch', 'verify', 'boards')).exitCode).toBe(0);
    expect((await take()).exitCode).toBe(0);
  });

  it('killed in between, it goes on: what lies there already is taken as it is', async () => {
    expect((await second.runBatch(await second.writeCsv('boards.csv', list(3, 4)))).exitCode).toBe(0);
    const bundle = join('batches', 'boards', 'bundles', 'aovis-n4k-000003');
    await cp(join(second.workspace, bundle), join(first.workspace, bundle), { recursive: true });
    expect((await take()).exitCode).toBe(0);
    expect((await first.cli('batch', 'reconcile', 'boards')).exitCode).toBe(0);
  });
});

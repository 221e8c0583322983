import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture, passphrase } from '../testing/factory-fixture.ts';

describe('batch run, refused', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
  });

  afterEach(async () => {
    await factory.stop();
  });

  it('misses a label: does not go on without its code, and verify says so', async () => {
    factory.iot.options.fault = (operation) =>
      operation === 'AttachPolicy'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    const csv = await factory.writeBoards('boards.csv', 2);
    expect((await factory.runBatch(csv)).exitCode).toBe(6);
    factory.iot.options.fault = () => undefined;
    const labels = join(factory.workspace, 'batches', 'boards', 'labels.csv');
    const before = await readFile(labels, 'utf8');
    await rm(labels);
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('lacks the activation codes of 2 issued boards'),
    });
    expect(await factory.cli('batch', 'verify', 'boards', '--offline')).toMatchObject({
      exitCode: 7,
      stdout: expect.stringContaining('Not finished, and not checked: 2 boards.'),
    });
    await writeFile(labels, before, { mode: 0o600 });
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    await writeFile(labels, before.split('\n').toSpliced(1, 1).join('\n'), { mode: 0o600 });
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({
      exitCode: 7,
      stdout: expect.stringContaining('has no row in labels.csv'),
    });
  });

  it('refuses a journal that is older than the bundles: the codes of their boards stay', async () => {
    delete factory.env['AOVIS_BACKEND_URL'];
    const csv = await factory.writeBoards('boards.csv', 2);
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    const journal = join(factory.workspace, 'journal.jsonl');
    const newest = await readFile(journal, 'utf8');
    const lines = newest.split('\n');
    const started = lines.findIndex((line) => line.includes('"batch_started"'));
    await writeFile(journal, `${lines.slice(0, started + 1).join('\n')}\n`, { mode: 0o600 });
    await factory.forgetJournalEnd();
    const before = await factory.files();
    const answer = await factory.runBatch(csv);
    expect(answer).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('this journal is not the newest'),
    });
    const labels = join('batches', 'boards', 'labels.csv');
    const after = await factory.files();
    expect(before.get(labels)).toBeDefined();
    expect(after.get(labels)).toBe(before.get(labels));
    await writeFile(journal, newest, { mode: 0o600 });
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
  });

  it('names what AWS IoT lacks, and does nothing', async () => {
    factory.iot.policies.clear();
    factory.iot.roleAliases.clear();
    const answer = await factory.runBatch(await factory.writeBoards('boards.csv', 1));
    expect(answer.exitCode).toBe(2);
    expect(answer.stderr).toContain('There is no IoT policy aovis-board in this account and region');
    expect(answer.stderr).toContain('There is no role alias aovis-board-video');
    expect([...(await factory.files()).keys()].filter((path) => path.startsWith('batches'))).toEqual([]);
  });

  it('refuses a CA that AWS IoT does not know, or that is not active', async () => {
    for (const ca of factory.iot.cas.values()) ca.status = 'INACTIVE';
    const csv = await factory.writeBoards('boards.csv', 1);
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('INACTIVE'),
    });
    factory.iot.cas.clear();
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('aovis-provision ca register'),
    });
    expect((await factory.runBatch(csv, '--certificate-registration', 'without-ca')).exitCode).toBe(0);
  });

  it('refuses a board that AWS IoT has from elsewhere, finishes the others, and says so', async () => {
    factory.iot.things.set('aovis-n4k-000002', {
      type: 'aovis-camera',
      attributes: { station: 'other' },
      principals: new Set(),
      groups: new Set(),
    });
    const csv = await factory.writeBoards('boards.csv', 3);
    const answer = await factory.runBatch(csv);
    expect(answer.exitCode).toBe(7);
    expect(factory.backend.devices.size).toBe(2);
    const status = await factory.cli('batch', 'status', 'boards');
    expect(status.stdout).toContain('N4K-000002');
    expect(status.stdout).toContain('provisioned before, by another station or batch');
    // The certificate of the refused board opens nothing.
    expect([...factory.iot.certificates.values()].map(({ status: state }) => state).sort()).toEqual([
      'ACTIVE',
      'ACTIVE',
      'INACTIVE',
    ]);
    factory.iot.things.delete('aovis-n4k-000002');
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(factory.iot.certificates.size).toBe(3);
  });

  it('refuses a changed CSV, another CA passphrase and a second run at the same time', async () => {
    const csv = await factory.writeBoards('boards.csv', 2);
    await writeFile(factory.passphraseFile, 'not the passphrase\n');
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('The passphrase does not open'),
    });
    await writeFile(factory.passphraseFile, `${passphrase}\n`);
    const [one, two] = await Promise.all([factory.runBatch(csv), factory.runBatch(csv)]);
    expect(new Set([one.exitCode, two.exitCode])).toEqual(new Set([0, 7]));
    expect(await factory.runBatch(await factory.writeBoards('boards.csv', 3))).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('began with another content'),
    });
    expect(await factory.runBatch(await factory.writeBoards('more.csv', 3))).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('N4K-000001 was provisioned in batch boards already'),
    });
  });
});

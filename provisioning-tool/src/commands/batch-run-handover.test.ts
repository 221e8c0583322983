import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { manifestSchema } from '@aovis/contracts/provisioning';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture, serialOf } from '../testing/factory-fixture.ts';

describe('batch run, with its backend', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
  });

  afterEach(async () => {
    await factory.stop();
  });

  it('refuses boards that the backend knows, before anything is done', async () => {
    await factory.runBatch(await factory.writeBoards('first.csv', 2));
    await rm(join(factory.workspace, 'journal.jsonl'));
    await factory.forgetJournalEnd();
    await rm(join(factory.workspace, 'batches'), { recursive: true });
    await rm(join(factory.workspace, 'ca'), { recursive: true });
    await factory.succeed('ca', 'init', '--passphrase-file', factory.passphraseFile);
    await factory.succeed('ca', 'register');
    const certificates = factory.iot.certificates.size;
    const answer = await factory.runBatch(await factory.writeBoards('second.csv', 3));
    expect(answer.exitCode).toBe(7);
    expect(answer.stderr).toContain('aovis-n4k-000001: the backend has it with another activation code');
    expect(factory.iot.certificates.size).toBe(certificates);
  });

  it('reads out a hundred boards that the backend knows, and counts the others', async () => {
    const boards = Array.from({ length: 103 }, (_, i) => serialOf(i + 1));
    for (const serial of boards) {
      const device_id = deviceIdOf(serial);
      factory.backend.devices.set(device_id, {
        device_id,
        serial,
        model: 'n4k',
        certificate_id: 'c'.repeat(64),
        activation_code_digest: 'd'.repeat(64),
        code_epoch: 1,
      });
    }
    const answer = await factory.runBatch(await factory.writeBoards('boards.csv', 103));
    expect(answer.exitCode).toBe(7);
    expect(answer.stderr.match(/correct or remove its row/g)).toHaveLength(100);
    expect(answer.stderr).toContain('and 3 more');
  });

  it('refuses a list on which another station is at work, and lets go of its own', async () => {
    const csv = await factory.writeBoards('boards.csv', 2);
    const sha256 = createHash('sha256')
      .update(await readFile(csv))
      .digest('hex');
    factory.backend.leases.set(`boards/${sha256}`, 'line-9');
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('Station line-9 is at work on this very list'),
    });
    expect(factory.iot.certificates.size).toBe(0);
    factory.backend.leases.clear();
    const held: (string | undefined)[] = [];
    factory.iot.options.onCall = () => held.push(factory.backend.leases.get(`boards/${sha256}`));
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(held.at(-1)).toBe('line-1');
    expect(factory.backend.leases.size).toBe(0);
  });

  it('keeps boards of a batch whose backend is away, and hands them over next time', async () => {
    factory.backend.fault = () => 503;
    const csv = await factory.writeBoards('boards.csv', 3);
    const first = await factory.runBatch(csv, '--outage-patience-seconds', '0');
    expect(first.exitCode).toBe(4);
    expect(factory.backend.devices.size).toBe(0);
    factory.backend.fault = () => undefined;
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(factory.backend.devices.size).toBe(3);
    expect(factory.backend.manifests.size).toBe(1);
  });

  it('sends the same manifest again when the answer was lost', async () => {
    let lost = 0;
    factory.backend.fault = () => (lost++ === 0 ? 'lose' : undefined);
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 2))).exitCode).toBe(0);
    expect(lost).toBe(2);
    expect(factory.backend.manifests.size).toBe(1);
  });

  it('cuts manifests at 200 boards, without a backend writes them as files', async () => {
    delete factory.env['AOVIS_BACKEND_URL'];
    const csv = await factory.writeBoards('boards.csv', 201);
    const answer = await factory.runBatch(csv, '--json');
    expect(JSON.parse(answer.stdout)).toMatchObject({ manifests_accepted: 0, manifests_waiting: 2 });
    expect(answer).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(
        /nobody can activate them.*«aovis-provision batch export boards --to DIR»/,
      ),
    });
    const folder = join(factory.workspace, 'batches', 'boards', 'manifests');
    const sizes = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const [, payload = ''] = (await readFile(join(folder, name), 'utf8')).split('.');
        const manifest = manifestSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
        expect(name).toBe(`${manifest.manifest_id}.jws`);
        return manifest.devices.length;
      }),
    );
    expect(sizes.sort((a, b) => a - b)).toEqual([1, 200]);
  });
});

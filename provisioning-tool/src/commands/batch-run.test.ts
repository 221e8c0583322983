import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';
import { bundleDescriptorSchema } from '@aovis/contracts/provisioning';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from '../files/durable-files.ts';
import { FactoryFixture, passphrase } from '../testing/factory-fixture.ts';

describe('batch run', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
  });

  afterEach(async () => {
    await factory.stop();
  });

  it('provisions every board of a CSV: registry, bundle, label and manifest agree', async () => {
    const csv = await factory.writeCsv(
      'boards.csv',
      'serial,model,iccid\nN4K-000001,n4k,8944500102198304826\nN4K-000002,n4k,\nN5K-000001,n5k,\n',
    );
    const answer = await factory.runBatch(csv, '--json');
    expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(answer.stdout)).toMatchObject({
      batch_id: 'boards',
      boards: 3,
      finished: 3,
      failed: 0,
      manifests_accepted: 1,
      manifests_waiting: 0,
    });

    expect([...factory.iot.things.keys()].sort()).toEqual([
      'aovis-n4k-000001',
      'aovis-n4k-000002',
      'aovis-n5k-000001',
    ]);
    expect(factory.iot.certificates.size).toBe(3);
    for (const [name, thing] of factory.iot.things) {
      const [id] = [...thing.principals];
      expect(thing.principals.size).toBe(1);
      const certificate = factory.iot.certificates.get(id ?? '');
      expect(certificate?.status).toBe('ACTIVE');
      expect([...(certificate?.policies ?? [])]).toEqual(['aovis-board']);
      expect(new X509Certificate(certificate?.pem ?? '').subject).toBe(`CN=${name}`);

      const bundle = join(factory.workspace, 'batches', 'boards', 'bundles', name);
      expect(await findMode(bundle)).toBe(0o700);
      expect((await readdir(bundle)).sort()).toEqual([
        'device.crt',
        'device.json',
        'device.key',
        'root-ca.pem',
      ]);
      expect(await findMode(join(bundle, 'device.key'))).toBe(0o600);
      const descriptor = bundleDescriptorSchema.parse(
        JSON.parse(await readFile(join(bundle, 'device.json'), 'utf8')),
      );
      expect(descriptor).toMatchObject({
        device_id: name,
        region: 'eu-central-1',
        role_alias: 'aovis-board-video',
        stream: `aovis-stream-${name}`,
        endpoints: {
          iot: 'abc-ats.iot.eu-central-1.amazonaws.com',
          credentials: 'abc.credentials.iot.eu-central-1.amazonaws.com',
        },
      });
      expect(factory.backend.devices.get(name)?.certificate_id).toBe(id);
    }
    expect(factory.backend.devices.get('aovis-n4k-000001')?.iccid).toBe('8944500102198304826');

    const labels = (await readFile(join(factory.workspace, 'batches', 'boards', 'labels.csv'), 'utf8'))
      .trim()
      .split('\n')
      .slice(1);
    expect(labels).toHaveLength(3);
    for (const line of labels) {
      const [serial = '', , deviceId = '', typed = ''] = line.split(',');
      const reading = readActivationCode(typed);
      expect(reading.ok && activationCodeDigest(serial, reading.code)).toBe(
        factory.backend.devices.get(deviceId)?.activation_code_digest,
      );
    }
    expect((await factory.cli('batch', 'verify', 'boards')).exitCode).toBe(0);
  });

  it('does nothing the second time', async () => {
    const csv = await factory.writeBoards('boards.csv', 3);
    await factory.runBatch(csv);
    const filesButAudit = async () => [...(await factory.files())].filter(([path]) => path !== 'audit.jsonl');
    const before = await filesButAudit();
    const calls = factory.iot.calls.length;
    // Without a passphrase: nothing has to be signed any more.
    expect(await factory.cli('batch', 'run', csv, '--no-input')).toMatchObject({ exitCode: 0 });
    expect(factory.iot.calls).toHaveLength(calls);
    expect(await filesButAudit()).toEqual(before);
  });

  it('registers each certificate INACTIVE and activates it when its bundle lies ready', async () => {
    const violations: string[] = [];
    const checks: Promise<void>[] = [];
    factory.iot.options.onCall = (operation, done) => {
      if (operation === 'RegisterCertificate' && done)
        for (const [id, { status }] of factory.iot.certificates)
          if (
            status === 'ACTIVE' &&
            ![...factory.iot.things.values()].some(({ principals }) => principals.has(id))
          )
            violations.push(id);
      if (operation === 'UpdateCertificate' && done)
        checks.push(factory.activeWithoutBundle(['boards']).then((found) => void violations.push(...found)));
    };
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 5))).exitCode).toBe(0);
    await Promise.all(checks);
    expect(checks).toHaveLength(5);
    expect(violations).toEqual([]);
  });

  it('goes on in one region after the CA was registered in another', async () => {
    await factory.succeed('ca', 'register', '--region', 'eu-west-1');
    const shown = JSON.parse((await factory.succeed('ca', 'show', '--json')).stdout);
    expect(shown.registrations.map(({ region }: { region: string }) => region)).toEqual([
      'eu-central-1',
      'eu-west-1',
    ]);
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 1))).exitCode).toBe(0);
  });

  it('lets no secret out of its files', async () => {
    await factory.runBatch(await factory.writeBoards('boards.csv', 3));
    await factory.runBatch(await factory.writeBoards('boards.csv', 3), '--json');
    await factory.cli('batch', 'status', 'boards');
    await factory.cli('batch', 'verify', 'boards');
    const files = await factory.files();
    const codes = [...(files.get('batches/boards/labels.csv') ?? '').matchAll(/\w{6}-\w{6}-\w{6}/g)].map(
      String,
    );
    expect(codes).toHaveLength(3);
    const keys = [...files]
      .filter(([path]) => path.endsWith('.key'))
      .map(([, pem]) => pem.split('\n')[1] ?? '');
    const secrets = [...codes, ...codes.map((code) => code.replaceAll('-', '')), ...keys, passphrase];
    const open = [
      ...factory.said,
      files.get('journal.jsonl') ?? '',
      ...factory.backend.manifests.values(),
    ].join('\n');
    for (const secret of secrets) expect(open.includes(secret)).toBe(false);
    for (const [path, content] of files) {
      if (path.endsWith('labels.csv')) continue;
      for (const code of codes) expect(content.includes(code)).toBe(false);
    }
  });
});

import { createHash, X509Certificate } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';
import { deviceIdOf } from '@aovis/contracts/ids';
import { bundleDescriptorSchema, manifestSchema } from '@aovis/contracts/provisioning';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from '../files/durable-files.ts';
import { FactoryFixture, passphrase, serialOf } from '../testing/factory-fixture.ts';

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
        checks.push(factory.activeWithoutBundle('boards').then((found) => void violations.push(...found)));
    };
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 5))).exitCode).toBe(0);
    await Promise.all(checks);
    expect(checks).toHaveLength(5);
    expect(violations).toEqual([]);
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

  it('goes on in one region after the CA was registered in another', async () => {
    await factory.succeed('ca', 'register', '--region', 'eu-west-1');
    const shown = JSON.parse((await factory.succeed('ca', 'show', '--json')).stdout);
    expect(shown.registrations.map(({ region }: { region: string }) => region)).toEqual([
      'eu-central-1',
      'eu-west-1',
    ]);
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 1))).exitCode).toBe(0);
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

  it('stops when the credentials are refused, and goes on with good ones', async () => {
    let refusing = true;
    factory.iot.options.fault = (operation) =>
      refusing && operation === 'AttachPolicy'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    const csv = await factory.writeBoards('boards.csv', 3);
    const answer = await factory.runBatch(csv);
    expect(answer.exitCode).toBe(6);
    expect(answer.stderr).toContain('AWS does not allow AttachPolicy');
    refusing = false;
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(factory.iot.certificates.size).toBe(3);
  });

  it('gets through throttles, server errors, cut connections, lost answers and silence', async () => {
    let call = 0;
    factory.iot.options.fault = () => {
      call += 1;
      if (call % 11 === 0) return { kind: 'lose' };
      if (call % 7 === 0) return { kind: 'refuse', status: 503, code: 'ServiceUnavailableException' };
      if (call % 13 === 0) return { kind: 'cut' };
      if (call % 17 === 0) return { kind: 'hang' };
      return call % 5 === 0 ? { kind: 'refuse', status: 400, code: 'ThrottlingException' } : undefined;
    };
    const csv = await factory.writeBoards('boards.csv', 8);
    expect(await factory.runBatch(csv, '--request-timeout-ms', '300')).toMatchObject({ exitCode: 0 });
    factory.iot.options.fault = () => undefined;
    expect(factory.iot.certificates.size).toBe(8);
    expect(factory.backend.devices.size).toBe(8);
    expect((await factory.cli('batch', 'verify', 'boards')).exitCode).toBe(0);
  }, 30_000);

  it('ends with 130 on Ctrl-C and goes on afterwards', async () => {
    const { Refusal } = await import('../refusal.ts');
    const interrupt = new AbortController();
    factory.iot.options.onCall = (operation) => {
      if (operation === 'AttachThingPrincipal') interrupt.abort(new Refusal('interrupted', 'Interrupted.'));
    };
    const csv = await factory.writeBoards('boards.csv', 5);
    const answer = await factory.cliUntil(
      interrupt.signal,
      'batch',
      'run',
      csv,
      '--passphrase-file',
      factory.passphraseFile,
    );
    expect(answer.exitCode).toBe(130);
    factory.iot.options.onCall = () => undefined;
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(factory.iot.certificates.size).toBe(5);
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

import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  type KeySpec,
  KMSClient,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { type LocalCloud, startLocalCloud } from '../testing/local-cloud.ts';

let cloud: LocalCloud;
let kms: KMSClient;
let factory: FactoryFixture;

beforeAll(async () => {
  cloud = await startLocalCloud();
  kms = new KMSClient({
    region: cloud.region,
    endpoint: cloud.kmsUrl,
    credentials: {
      accessKeyId: cloud.credentials.AWS_ACCESS_KEY_ID,
      secretAccessKey: cloud.credentials.AWS_SECRET_ACCESS_KEY,
    },
  });
}, 30_000);
afterAll(async () => {
  kms.destroy();
  await cloud.stop();
});
beforeEach(async () => {
  factory = new FactoryFixture();
  await factory.start();
  Object.assign(process.env, cloud.credentials);
  factory.env['AOVIS_KMS_URL'] = cloud.kmsUrl;
});
afterEach(async () => {
  await factory.stop();
});

async function createKey(KeySpec: KeySpec): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec, KeyUsage: 'SIGN_VERIFY' }));
  return KeyMetadata?.Arn ?? '';
}

const init = (arn: string) =>
  factory.cli('ca', 'init', '--issuing-key', arn, '--passphrase-file', factory.passphraseFile);

describe('an issuing key in AWS KMS', () => {
  it.each(['ECC_NIST_P256', 'RSA_3072'] as const)('%s signs a batch; no file here can', async (spec) => {
    const arn = await createKey(spec);
    expect(await init(arn)).toMatchObject({ exitCode: 0 });
    expect((await readdir(join(factory.workspace, 'ca'))).sort()).toEqual([
      'issuing.crt',
      'issuing.key-uri',
      'root.crt',
      'root.key',
    ]);
    await factory.succeed('ca', 'register', '--mode', 'DEFAULT');
    const { stdout } = await factory.succeed('station', 'init', '--json');
    factory.backend.stations.set('line-1', (JSON.parse(stdout) as { public_key_pem: string }).public_key_pem);
    const csv = await factory.writeBoards('boards.csv', 3);
    // Nobody is asked for a passphrase: there is nothing here to open.
    expect(await factory.cli('batch', 'run', csv)).toMatchObject({ exitCode: 0 });
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: arn }));
    const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), type: 'spki', format: 'der' });
    for (const { pem } of factory.iot.certificates.values())
      expect(new X509Certificate(pem).verify(key)).toBe(true);
  });

  it('proves itself to AWS IoT in mode DEFAULT, and is registered with SNI_ONLY', async () => {
    factory.env['AOVIS_IOT_CONTROL_URL'] = cloud.iotControlUrl;
    factory.env['AWS_REGION'] = cloud.region;
    for (const mode of ['DEFAULT', 'SNI_ONLY']) {
      const args = ['ca', 'roll-over', '--issuing-key', await createKey('ECC_NIST_P256')];
      const made =
        mode === 'DEFAULT'
          ? await init(args[3] as string)
          : await factory.cli(...args, '--passphrase-file', factory.passphraseFile);
      expect(made).toMatchObject({ exitCode: 0 });
      const answer = JSON.parse((await factory.succeed('ca', 'register', '--mode', mode, '--json')).stdout);
      const folder = join(factory.workspace, 'ca', mode === 'DEFAULT' ? '' : 'issuing-2');
      const { raw } = new X509Certificate(await readFile(join(folder, 'issuing.crt')));
      expect(answer).toMatchObject({
        mode,
        ca_certificate_id: createHash('sha256').update(raw).digest('hex'),
      });
    }
  });

  it('is found by its alias, and refused by name when it cannot sign', async () => {
    const arn = await createKey('ECC_NIST_P256');
    const alias = arn.replace(/key\/.*/, 'alias/factory-issuing');
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/factory-issuing', TargetKeyId: arn }));
    expect(await init(alias)).toMatchObject({ exitCode: 0 });
    await kms.send(new DisableKeyCommand({ KeyId: arn }));
    expect(await factory.cli('ca', 'register', '--mode', 'DEFAULT')).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('is disabled; enable it'),
    });
    const again = await factory.cli(
      'ca',
      'roll-over',
      '--issuing-key',
      arn.replace(/.$/, 'x'),
      '--passphrase-file',
      factory.passphraseFile,
    );
    expect(again).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('does not exist') });
  });

  it('is not taken twice, and credentials that are refused end with their own exit code', async () => {
    const arn = await createKey('ECC_NIST_P256');
    await init(arn);
    const rollOver = ['ca', 'roll-over', '--issuing-key', arn, '--passphrase-file', factory.passphraseFile];
    expect(await factory.cli(...rollOver)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('already; give a new one'),
    });
    process.env['AWS_SECRET_ACCESS_KEY'] = 'another';
    expect((await factory.cli('ca', 'register', '--mode', 'DEFAULT')).exitCode).toBe(6);
  });

  describe('of a batch that is under way', () => {
    let arn: string;
    let csv: string;
    const run = () => factory.cli('batch', 'run', csv, '--boards-in-flight', '2');
    const refuse = (code: string, times: number) =>
      cloud.addFault({
        service: 'kms',
        operation: 'Sign',
        effect: { kind: 'error', status: 400, code },
        times,
      });

    beforeEach(async () => {
      arn = await createKey('ECC_NIST_P256');
      await init(arn);
      await factory.succeed('ca', 'register');
      const { stdout } = await factory.succeed('station', 'init', '--json');
      const { public_key_pem } = JSON.parse(stdout) as { public_key_pem: string };
      factory.backend.stations.set('line-1', public_key_pem);
      csv = await factory.writeBoards('boards.csv', 4);
    });

    async function expectMadeOnce(): Promise<void> {
      expect(await run()).toMatchObject({ exitCode: 0 });
      expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
      expect(factory.iot.certificates.size).toBe(4);
    }

    it('waits where AWS KMS throttles or loses an answer', async () => {
      await refuse('ThrottlingException', 3);
      await cloud.addFault({ service: 'kms', operation: 'Sign', effect: { kind: 'lose-answer' }, times: 1 });
      await expectMadeOnce();
    });

    it('stops where AWS KMS denies it, with what to do, and goes on when it may', async () => {
      await refuse('AccessDeniedException', 2);
      const denied = await run();
      expect(denied).toMatchObject({ exitCode: 6, stderr: expect.stringContaining('kms:Sign') });
      expect(factory.iot.certificates.size).toBeLessThan(4);
      await expectMadeOnce();
    });

    it('stops where the key was disabled in mid-batch, and goes on when it is enabled', async () => {
      let registered = 0;
      let disabled: Promise<unknown> | undefined;
      factory.iot.options.onCall = (operation, done) => {
        if (operation === 'RegisterCertificate' && done && ++registered === 1)
          disabled = kms.send(new DisableKeyCommand({ KeyId: arn }));
      };
      const stopped = await factory.cli('batch', 'run', csv, '--boards-in-flight', '1');
      await disabled;
      expect(stopped).toMatchObject({
        exitCode: 5,
        stderr: expect.stringContaining('is disabled; enable it'),
      });
      expect(await run()).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('is disabled') });
      await kms.send(new EnableKeyCommand({ KeyId: arn }));
      await expectMadeOnce();
    });
  });
});

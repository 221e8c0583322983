import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';

/** Where Debian's softhsm2 puts it. */
const library = '/usr/lib/softhsm/libsofthsm2.so';
const pin = '648219';
const bin = join(import.meta.dirname, '..', '..', 'bin', 'aovis-provision.js');
const run = (program: string, args: string[]) => promisify(execFile)(program, args, { env });

let factory: FactoryFixture;
let pinFile: string;
/** The library reads its configuration from the process's own environment: everything here is a process of its own. */
let env: NodeJS.ProcessEnv;

/** A token of SoftHSM2 with one key pair, made by other people's programs. */
beforeEach(async () => {
  factory = new FactoryFixture();
  await factory.start();
  const tokens = join(factory.directory, 'tokens');
  await mkdir(tokens);
  const configuration = join(factory.directory, 'softhsm2.conf');
  await writeFile(configuration, `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`);
  env = { ...process.env, ...factory.env, SOFTHSM2_CONF: configuration };
  await run('softhsm2-util', [
    '--init-token',
    '--free',
    '--label',
    'factory',
    '--pin',
    pin,
    '--so-pin',
    '87654321',
  ]);
  pinFile = join(factory.directory, 'pin');
  await writeFile(pinFile, `${pin}\n`, { mode: 0o600 });
});
afterEach(async () => {
  await factory.stop();
});

async function makeKey(label: string, type: string): Promise<void> {
  await run('pkcs11-tool', [
    '--module',
    library,
    '--token-label',
    'factory',
    '--login',
    '--pin',
    pin,
    '--keypairgen',
    '--key-type',
    type,
    '--label',
    label,
    '--usage-sign',
  ]);
}

const uri = (label: string, token = 'factory') =>
  `pkcs11:token=${token};object=${label}?module-path=${library}`;
const cli = (...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const words = [bin, ...args, '--workspace', factory.workspace];
    execFile(process.execPath, words, { env }, (error, stdout, stderr) => {
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
const init = (keyUri: string) =>
  cli(
    'ca',
    'init',
    '--issuing-key',
    keyUri,
    '--pin-file',
    pinFile,
    '--passphrase-file',
    factory.passphraseFile,
  );

describe('an issuing key on a token', () => {
  it.each([
    ['EC:prime256v1', 'ec'],
    ['rsa:2048', 'rsa'],
  ])('of type %s signs a batch; openssl verifies the chain', async (type, kind) => {
    await makeKey('issuing', type);
    expect(await init(uri('issuing'))).toMatchObject({ exitCode: 0 });
    const ca = join(factory.workspace, 'ca');
    const issuing = new X509Certificate(await readFile(join(ca, 'issuing.crt')));
    expect(issuing.publicKey.asymmetricKeyType).toBe(kind);
    const registration = await cli('ca', 'register', '--mode', 'DEFAULT', '--pin-file', pinFile);
    expect(registration).toMatchObject({ exitCode: 0 });
    const { stdout } = await factory.succeed('station', 'init', '--json');
    factory.backend.stations.set('line-1', (JSON.parse(stdout) as { public_key_pem: string }).public_key_pem);
    const csv = await factory.writeBoards('boards.csv', 20);
    expect(await cli('batch', 'run', csv, '--pin-file', pinFile)).toMatchObject({ exitCode: 0 });
    expect(factory.iot.certificates.size).toBe(20);
    for (const { pem } of factory.iot.certificates.values())
      expect(new X509Certificate(pem).verify(issuing.publicKey)).toBe(true);
    const leaf = join(factory.workspace, 'batches', 'boards', 'bundles', 'aovis-n4k-000001', 'device.crt');
    const { stdout: verdict } = await run('openssl', [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslclient',
      '-CAfile',
      join(ca, 'root.crt'),
      '-untrusted',
      join(ca, 'issuing.crt'),
      leaf,
    ]);
    expect(verdict.trim()).toBe(`${leaf}: OK`);
  });

  it('is refused in words: wrong PIN, wrong labels, wrong library, a PIN in the URI', async () => {
    const said: string[] = [];
    const refused = async (keyUri: string) => {
      const answer = await init(keyUri);
      said.push(answer.stdout, answer.stderr);
      return answer;
    };
    await makeKey('issuing', 'EC:prime256v1');
    await makeKey('strange', 'EC:secp384r1');
    await writeFile(pinFile, '000000');
    expect(await refused(uri('issuing'))).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('does not open with this PIN'),
    });
    await writeFile(pinFile, pin);
    for (const [wrong, code, sentence] of [
      [uri('other'), 5, 'has no private key other'],
      [uri('issuing', 'other'), 5, 'No token is labelled other'],
      [uri('strange'), 5, 'neither EC P-256 nor RSA'],
      [`${uri('issuing')}x`, 5, 'cannot be loaded'],
      [`${uri('issuing')}&pin-value=${pin}`, 2, 'is not taken'],
      ['pkcs11:object=issuing', 2, 'lacks token'],
    ] as const)
      expect(await refused(wrong)).toMatchObject({
        exitCode: code,
        stderr: expect.stringContaining(sentence),
      });
    expect(await refused(uri('issuing'))).toMatchObject({ exitCode: 0 });
    // The PIN is nowhere in the workspace, nor was it said.
    const everything = [...(await factory.files()).values()].join('\n');
    expect(said.join('')).not.toContain(pin);
    expect(everything).not.toContain(pin);
  });
});

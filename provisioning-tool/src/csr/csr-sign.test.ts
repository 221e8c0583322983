import 'reflect-metadata';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import forge from 'node-forge';
import { FactoryFixture, serialOf } from '../testing/factory-fixture.ts';
import { startSecondStation } from '../testing/second-station.ts';

const ecAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
let factory: FactoryFixture;
let requests: string;

beforeEach(async () => {
  factory = new FactoryFixture();
  await factory.start();
  await factory.prepare();
  requests = join(factory.directory, 'requests');
  await mkdir(requests);
});
afterEach(async () => {
  await factory.stop();
});

/** A request as a secure element's software makes it. */
async function ecRequest(
  name: string,
  algorithm: object = ecAlgorithm,
): Promise<{ pem: string; der: Buffer }> {
  const keys = await crypto.subtle.generateKey(algorithm as EcKeyGenParams, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys: keys as CryptoKeyPair,
    signingAlgorithm: algorithm as EcdsaParams,
  });
  return { pem: csr.toString('pem'), der: Buffer.from(csr.rawData) };
}

/** The same by another library. */
function rsaRequest(
  commonName: string,
  bits: number,
  exponent = 65_537,
  digest: forge.md.MessageDigest = forge.md.sha256.create(),
): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent });
  const key = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const csr = forge.pki.createCertificationRequest();
  csr.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  csr.setSubject([{ name: 'commonName', value: commonName }]);
  csr.sign(key, digest);
  return forge.pki.certificationRequestToPem(csr);
}

async function put(serial: string, content: string | Buffer, ending = 'csr'): Promise<string> {
  const path = join(requests, `${serial}.${ending}`);
  await writeFile(path, content);
  return path;
}
const sign = (csv: string, ...more: string[]) =>
  factory.cli(
    'csr',
    'sign',
    csv,
    '--csr-dir',
    requests,
    '--passphrase-file',
    factory.passphraseFile,
    ...more,
  );
const bundle = (serial: string) =>
  join(factory.workspace, 'batches', 'boards', 'bundles', `aovis-${serial.toLowerCase()}`);

describe('csr sign', () => {
  it('certifies the boards’ own keys, EC and RSA, PEM and DER; no key is in the bundle', async () => {
    const asked = await ecRequest(`CN=${serialOf(1)}, O=Somebody`);
    await put(serialOf(1), asked.pem);
    await put(serialOf(2), (await ecRequest('CN=aovis-n4k-000002')).der);
    await put(serialOf(3), rsaRequest(serialOf(3), 2048), 'pem');
    await put(serialOf(4), (await ecRequest('')).pem);
    const csv = await factory.writeBoards('boards.csv', 4);
    expect(await sign(csv)).toMatchObject({ exitCode: 0 });
    expect((await readdir(bundle(serialOf(1)))).sort()).toEqual(['device.crt', 'device.json', 'root-ca.pem']);
    const leaf = new X509Certificate(await readFile(join(bundle(serialOf(1)), 'device.crt')));
    // Of the request only the key is taken over.
    expect(leaf.subject).toBe('CN=aovis-n4k-000001');
    const spki = Buffer.from(new x509.Pkcs10CertificateRequest(asked.pem).publicKey.rawData);
    expect(leaf.publicKey.export({ type: 'spki', format: 'der' }).equals(spki)).toBe(true);
    const rsa = new X509Certificate(await readFile(join(bundle(serialOf(3)), 'device.crt')));
    expect(rsa.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect([...factory.iot.certificates.values()].map(({ status }) => status)).toEqual(
      Array<string>(4).fill('ACTIVE'),
    );
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
    expect(await sign(csv)).toMatchObject({ exitCode: 0 });
    expect(factory.iot.certificates.size).toBe(4);
  });

  it('signs nothing when one request is not right, and says of each what is wrong', async () => {
    const good = await ecRequest('');
    const changed = Buffer.from(good.der);
    changed[changed.length - 3] = (changed[changed.length - 3] as number) ^ 1;
    const wrong: [string | Buffer | undefined, string][] = [
      [undefined, 'is missing'],
      [changed, 'has a signature that its own key does not confirm'],
      [
        '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n',
        'is no certificate request',
      ],
      [(await ecRequest('CN=N4K-999999')).pem, 'is made out to «N4K-999999»'],
      [rsaRequest(serialOf(5), 1024), 'has an RSA key of 1024 bits'],
      [rsaRequest(serialOf(6), 2048, 3), 'has an RSA key with the public exponent 3'],
      [rsaRequest(serialOf(7), 2048, 65_537, forge.md.sha1.create()), 'is signed with SHA-1'],
      [
        (await ecRequest('', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' })).pem,
        'on the curve secp384r1',
      ],
      [good.pem, ''],
      [good.pem, `has the key of board ${serialOf(9)}`],
    ];
    for (const [i, [content]] of wrong.entries()) if (content) await put(serialOf(i + 1), content);
    const csv = await factory.writeBoards('boards.csv', wrong.length);
    const answer = await sign(csv, '--json');
    expect(answer.exitCode).toBe(3);
    const { details } = (JSON.parse(answer.stderr) as { error: { details: string[] } }).error;
    const expected = wrong.flatMap(([, sentence], i) =>
      sentence === '' ? [] : [[serialOf(i + 1), sentence]],
    );
    expect(details).toHaveLength(expected.length);
    for (const [i, [serial, sentence]] of expected.entries())
      expect(details[i]).toMatch(new RegExp(`^${serial}: the request .*${sentence?.replace(/[«»]/g, '.')}`));
    expect(factory.iot.things.size).toBe(0);
  });

  it('refuses a key that a board of an earlier batch has', async () => {
    const request = await ecRequest('');
    await put(serialOf(1), request.pem);
    expect(await sign(await factory.writeBoards('boards.csv', 1))).toMatchObject({ exitCode: 0 });
    await put('N4K-000100', request.pem);
    const csv = await factory.writeCsv('later.csv', 'serial,model,iccid\nN4K-000100,n4k,\n');
    expect(await sign(csv)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('has the key of board N4K-000001: a chip was cloned'),
    });
  });

  it('finds a key that boards of two stations have when their batches come together', async () => {
    const request = await ecRequest('');
    await put(serialOf(1), request.pem);
    expect(await sign(await factory.writeBoards('boards.csv', 1))).toMatchObject({ exitCode: 0 });
    const second = await startSecondStation(factory);
    try {
      await put(serialOf(2), request.pem);
      const csv = await second.writeCsv('boards.csv', `serial,model\n${serialOf(2)},n4k\n`);
      const signing = ['--csr-dir', requests, '--passphrase-file', second.passphraseFile];
      // Neither the station nor the backend sees the keys of the other.
      await second.succeed('csr', 'sign', csv, ...signing);
      const merging = ['batch', 'merge', 'boards', '--from', second.workspace];
      expect(await factory.cli(...merging)).toMatchObject({
        exitCode: 7,
        stderr: expect.stringContaining(`${serialOf(2)} has the key of ${serialOf(1)}: a chip was cloned`),
      });
      const fresh = await put(serialOf(2), (await ecRequest('')).pem);
      const anew = ['--csr', fresh, '--passphrase-file', second.passphraseFile];
      await second.succeed('device', 'rotate', serialOf(2), '--reason', 'its chip was cloned', ...anew);
      await factory.succeed(...merging);
      await factory.succeed('batch', 'verify', 'boards');
    } finally {
      await second.stop();
    }
  });

  it('certifies a new key of a board that keeps its own: rotate and rma', async () => {
    const first = await ecRequest('');
    await put(serialOf(1), first.pem);
    await put(serialOf(2), (await ecRequest('')).pem);
    expect(await sign(await factory.writeBoards('boards.csv', 2))).toMatchObject({ exitCode: 0 });
    const file = join(factory.directory, 'new.csr');
    const change = (kind: string, ...more: string[]) =>
      factory.cli(
        'device',
        kind,
        serialOf(1),
        '--reason',
        'a new key on the board',
        '--passphrase-file',
        factory.passphraseFile,
        ...more,
      );
    const refusals: [string, string][] = [
      [first.pem, 'has a key that this board has or had'],
      [await readFile(join(requests, `${serialOf(2)}.csr`), 'utf8'), `has the key of board ${serialOf(2)}`],
      [(await ecRequest(`CN=${serialOf(2)}`)).pem, `is made out to «${serialOf(2)}»`],
      ['nothing', 'is no certificate request'],
    ];
    for (const [content, sentence] of refusals) {
      await writeFile(file, content);
      for (const more of [[], ['--dry-run']])
        expect(await change('rotate', '--csr', file, ...more)).toMatchObject({
          exitCode: 3,
          stderr: expect.stringContaining(sentence),
        });
    }
    expect(await change('rotate')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('give that with --csr FILE'),
    });
    const keyOf = async () => {
      const leaf = new X509Certificate(await readFile(join(bundle(serialOf(1)), 'device.crt')));
      return leaf.publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
    };
    for (const kind of ['rotate', 'rma']) {
      const asked = await ecRequest('');
      await writeFile(file, asked.pem);
      const before = factory.backend.devices.get('aovis-n4k-000001')?.certificate_id ?? '';
      expect(await change(kind, '--csr', file)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('certificate for its own new key'),
      });
      const spki = Buffer.from(new x509.Pkcs10CertificateRequest(asked.pem).publicKey.rawData);
      expect(await keyOf()).toBe(spki.toString('hex'));
      expect(await readdir(bundle(serialOf(1)))).not.toContain('device.key');
      expect(factory.iot.certificates.get(before)?.status).toBe('REVOKED');
    }
    expect(factory.backend.devices.get('aovis-n4k-000001')?.code_epoch).toBe(2);
    expect(await factory.cli('batch', 'reconcile', 'boards')).toMatchObject({ exitCode: 0 });
    // What it had before is not good for anything any more, its very first key included.
    await writeFile(file, first.pem);
    expect(await change('rotate', '--csr', file)).toMatchObject({ exitCode: 3 });
  });

  it('a batch stays what it began as', async () => {
    await put(serialOf(1), (await ecRequest('')).pem);
    const csv = await factory.writeBoards('boards.csv', 1);
    factory.iot.options.fault = (operation) =>
      operation === 'CreateThing'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    expect((await sign(csv)).exitCode).toBe(6);
    delete factory.iot.options.fault;
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('go on with «csr sign»'),
    });
    // Issued already: its request is not needed any more.
    await rm(join(requests, `${serialOf(1)}.csr`));
    expect(await sign(csv)).toMatchObject({ exitCode: 0 });
  });
});

describe('board keys', () => {
  it('are RSA-2048 where the setting says so', async () => {
    const csv = await factory.writeBoards('boards.csv', 2);
    expect(await factory.runBatch(csv, '--board-key', 'rsa-2048')).toMatchObject({ exitCode: 0 });
    const leaf = new X509Certificate(await readFile(join(bundle(serialOf(1)), 'device.crt')));
    expect(leaf.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
    expect(await factory.runBatch(csv, '--board-key', 'rsa-1024')).toMatchObject({ exitCode: 2 });
  });
});

import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fromDer, toPem } from '../ca/asn1.ts';
import { caExtensionsOf, issuerOf, keyIdentifierOf, nameOf, signCertificate } from '../ca/certificate.ts';
import { keySigner } from '../ca/signer.ts';
import { findMode } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';
import { FactoryFixture, passphrase } from '../testing/factory-fixture.ts';

const newPassphrase = 'canary-passphrase-to-be';
let factory: FactoryFixture;

beforeEach(async () => {
  factory = new FactoryFixture();
  await factory.start();
});
afterEach(async () => {
  await factory.stop();
});

const file = (...names: string[]) => join(factory.workspace, 'ca', ...names);
const readCertificate = async (...names: string[]) => new X509Certificate(await readFile(file(...names)));
const withPassphrase = () => ['--passphrase-file', factory.passphraseFile];

async function secretFile(name: string, content: string): Promise<string> {
  const path = join(factory.directory, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

describe('ca passphrase', () => {
  let newFile: string;
  const change = (...more: string[]) =>
    factory.cli('ca', 'passphrase', ...withPassphrase(), '--new-passphrase-file', newFile, ...more);
  const opens = async (name: string, secret: string) =>
    createPrivateKey({ key: await readFile(file(name), 'utf8'), passphrase: secret });

  beforeEach(async () => {
    await factory.prepare();
    newFile = await secretFile('new', `${newPassphrase}\n`);
  });

  it('encrypts the key where a link leads to, and leaves the link', async () => {
    const medium = join(factory.directory, 'root.key');
    await rename(file('root.key'), medium);
    await symlink(medium, file('root.key'));
    expect(await change()).toMatchObject({ exitCode: 0 });
    createPrivateKey({ key: await readFile(medium, 'utf8'), passphrase: newPassphrase });
    expect((await lstat(file('root.key'))).isSymbolicLink()).toBe(true);
  });

  it('encrypts every key anew: the new one opens them, the old one does not', async () => {
    expect(await change('--dry-run')).toMatchObject({ exitCode: 0 });
    await opens('issuing.key', passphrase);
    const answer = await change('--json');
    expect(JSON.parse(answer.stdout)).toEqual({
      changed: [file('root.key'), file('issuing.key')],
      unchanged: [],
    });
    for (const name of ['root.key', 'issuing.key']) {
      await opens(name, newPassphrase);
      await expect(opens(name, passphrase)).rejects.toThrow();
      expect(await findMode(file(name))).toBe(0o600);
    }
    const csv = await factory.writeBoards('boards.csv', 1);
    expect((await factory.runBatch(csv)).exitCode).toBe(5);
    await writeFile(factory.passphraseFile, newPassphrase);
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
  });

  it('goes on after it was cut short, and leaves a root that was moved away alone', async () => {
    const before = await readFile(file('issuing.key'), 'utf8');
    await change();
    await writeFile(file('issuing.key'), before);
    await rm(file('root.key'));
    expect(JSON.parse((await change('--json')).stdout)).toEqual({
      changed: [file('issuing.key')],
      unchanged: [],
    });
    expect(JSON.parse((await change('--json')).stdout)).toEqual({
      changed: [],
      unchanged: [file('issuing.key')],
    });
  });

  it('changes nothing when one key does not open, or the new one is no better', async () => {
    const before = await readFile(file('issuing.key'), 'utf8');
    await writeFile(factory.passphraseFile, 'not the passphrase\n');
    expect(await change()).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('opens neither with the old nor with the new passphrase'),
    });
    await writeFile(factory.passphraseFile, `${passphrase}\n`);
    await writeFile(newFile, 'short');
    expect((await change()).stderr).toContain('too short');
    await writeFile(newFile, passphrase);
    expect((await change()).stderr).toContain('the new passphrase is the old one'.slice(4));
    expect(await readFile(file('issuing.key'), 'utf8')).toBe(before);
  });
});

describe('ca roll-over', () => {
  beforeEach(async () => {
    await factory.prepare();
  });

  it('while a batch is open: old boards keep verifying, new ones come under the new CA', async () => {
    const csv = await factory.writeBoards('boards.csv', 6);
    const interrupt = new AbortController();
    let registered = 0;
    factory.iot.options.onCall = (operation, done) => {
      if (operation !== 'RegisterCertificate' || done) return;
      registered += 1;
      if (registered === 3) interrupt.abort(new Refusal('interrupted', 'Interrupted.'));
    };
    const begun = ['batch', 'run', csv, '--boards-in-flight', '2', ...withPassphrase()];
    expect((await factory.cliUntil(interrupt.signal, ...begun)).exitCode).toBe(130);
    factory.iot.options.onCall = () => undefined;

    const dryRun = await factory.cli('ca', 'roll-over', '--dry-run', '--json');
    expect(JSON.parse(dryRun.stdout)).toMatchObject({ dry_run: true, generation: 2 });
    const rolled = await factory.succeed('ca', 'roll-over', '--json', ...withPassphrase());
    expect(JSON.parse(rolled.stdout)).toMatchObject({ generation: 2, registrations: [] });
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('aovis-provision ca register'),
    });
    await factory.succeed('ca', 'register');
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });

    const [former, current] = await Promise.all([
      readCertificate('issuing.crt'),
      readCertificate('issuing-2', 'issuing.crt'),
    ]);
    const root = await readCertificate('root.crt');
    expect(current.checkIssued(root) && current.verify(root.publicKey)).toBe(true);
    expect(current.subject).not.toBe(former.subject);
    const byFormer = await bundlesUnder(former);
    const byCurrent = await bundlesUnder(current);
    expect(byFormer).toBeGreaterThan(0);
    expect(byCurrent).toBeGreaterThan(0);
    expect(byFormer + byCurrent).toBe(6);
    expect([...factory.iot.certificates.values()].every(({ status }) => status === 'ACTIVE')).toBe(true);
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
  });

  /** Bundles whose chain, leaf first, is of this CA and verifies. */
  async function bundlesUnder(issuing: X509Certificate): Promise<number> {
    const folder = join(factory.workspace, 'batches', 'boards', 'bundles');
    let count = 0;
    for (const name of await readdir(folder)) {
      const chain = await readFile(join(folder, name, 'device.crt'), 'utf8');
      const leaf = new X509Certificate(chain);
      if (!leaf.verify(issuing.publicKey)) continue;
      expect(chain.endsWith(issuing.toString())).toBe(true);
      count += 1;
    }
    return count;
  }

  it('takes the root key from where it is kept, under a passphrase of its own', async () => {
    const rootKey = join(factory.directory, 'safe', 'root.key');
    await mkdir(join(factory.directory, 'safe'));
    await rename(file('root.key'), rootKey);
    expect(await factory.cli('ca', 'roll-over', ...withPassphrase())).toMatchObject({
      exitCode: 5,
      stderr: expect.stringMatching(/root\.key; fetch it from the safe .* --root-key-file/),
    });
    const asked = ['ca', 'roll-over', '--root-key-file', rootKey, ...withPassphrase()];
    const other = await secretFile('root-passphrase', 'not that of the root\n');
    expect(await factory.cli(...asked, '--root-passphrase-file', other)).toMatchObject({ exitCode: 5 });
    await factory.succeed(...asked);
    await factory.succeed(...asked, '--key', 'rsa-3072');
    const shown = JSON.parse((await factory.succeed('ca', 'show', '--json')).stdout);
    expect(shown).toMatchObject({ generation: 3, key: 'file' });
    expect(shown.former_issuing_certificates_sha256).toHaveLength(2);
    expect((await readCertificate('issuing-3', 'issuing.crt')).publicKey.asymmetricKeyType).toBe('rsa');
  });

  it('refuses another key as the root’s, and an issuing CA that outlives its root', async () => {
    await writeFile(file('root.key'), await readFile(file('issuing.key')), { mode: 0o600 });
    expect((await factory.cli('ca', 'roll-over', ...withPassphrase())).stderr).toContain(
      'is not the key of root.crt',
    );
    expect(
      (await factory.cli('ca', 'roll-over', '--years', 'never', '--root-key-file', file('issuing.key')))
        .exitCode,
    ).not.toBe(0);
  });
});

describe('ca import', () => {
  const pair = (kind: 'ec' | 'weak') =>
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 1024 });
  const day = 86_400_000;

  /** A root and an issuing CA as somebody else would make them. */
  async function madeElsewhere(
    change: { pathLength?: number; ends?: Date; ca?: boolean; weak?: boolean } = {},
  ) {
    const root = pair('ec');
    const issuing = pair(change.weak ? 'weak' : 'ec');
    const spki = (key: typeof root) => fromDer(key.publicKey.export({ type: 'spki', format: 'der' }));
    const rootName = nameOf({ organization: 'Elsewhere', commonName: 'Root' });
    const validity = {
      notBefore: new Date(Date.now() - day),
      notAfter: change.ends ?? new Date(Date.now() + 9_000 * day),
    };
    const rootDer = await signCertificate(
      {
        issuer: rootName,
        subject: rootName,
        spki: spki(root),
        ...validity,
        extensions: caExtensionsOf(spki(root), keyIdentifierOf(spki(root)), change.pathLength),
      },
      keySigner(root.privateKey),
    );
    const extensions = caExtensionsOf(spki(issuing), issuerOf(rootDer).keyId, 0);
    const issuingDer = await signCertificate(
      {
        issuer: rootName,
        subject: nameOf({ organization: 'Elsewhere', commonName: 'Issuing' }),
        spki: spki(issuing),
        ...validity,
        extensions: change.ca === false ? extensions.slice(2) : extensions,
      },
      keySigner(root.privateKey),
    );
    const write = (name: string, text: string) => secretFile(name, text);
    const key = issuing.privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase,
    });
    return [
      '--root-certificate',
      await write('r.crt', toPem('CERTIFICATE', rootDer)),
      '--issuing-certificate',
      await write('i.crt', toPem('CERTIFICATE', issuingDer)),
      '--issuing-key-file',
      await write('i.key', key.toString()),
    ];
  }

  it('takes over a CA, its key encrypted with a strong derivation, and signs boards', async () => {
    const argv = await madeElsewhere();
    expect((await factory.succeed('ca', 'import', ...argv, '--dry-run')).stdout).toContain(
      'Nothing was done',
    );
    await factory.succeed('ca', 'import', ...argv, ...withPassphrase());
    expect((await factory.cli('ca', 'import', ...argv, ...withPassphrase())).exitCode).toBe(7);
    const parsed = execFileSync(process.execPath, [
      '-e',
      `const key = require('node:fs').readFileSync(${JSON.stringify(file('issuing.key'))}, 'utf8');
       const der = Buffer.from(key.replace(/-----[^-]+-----|\\s/g, ''), 'base64').toString('hex');
       process.stdout.write(String(der.includes('02030927c0')));`,
    ]);
    expect(parsed.toString()).toBe('true');
    await factory.succeed('ca', 'register');
    const { stdout } = await factory.succeed('station', 'init', '--json');
    factory.backend.stations.set('line-1', (JSON.parse(stdout) as { public_key_pem: string }).public_key_pem);
    const csv = await factory.writeBoards('boards.csv', 1);
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['a root that allows no CA below it', { pathLength: 0 }, 'allows no CA below it (path length 0)'],
    ['an expired CA', { ends: new Date(Date.now() - 3_600_000) }, 'is not valid now'],
    ['an issuing certificate that is no CA', { ca: false }, 'CA:TRUE is missing'],
    ['an issuing CA of RSA-1024', { weak: true }, 'the issuing CA has a weak key'],
  ])('refuses %s', async (_, change, sentence) => {
    const answer = await factory.cli('ca', 'import', ...(await madeElsewhere(change)), ...withPassphrase());
    expect(answer).toMatchObject({ exitCode: 5, stderr: expect.stringContaining(sentence) });
    expect(await findMode(file())).toBeUndefined();
  });

  it('refuses a wrong chain, a key of another certificate, and a key file open to others', async () => {
    const ours = await madeElsewhere();
    const root = ours[1] as string;
    const issuing = ours[3] as string;
    const kept = await readFile(root);
    const keptIssuing = await readFile(issuing);
    const others = await madeElsewhere();
    await writeFile(root, kept);
    expect((await factory.cli('ca', 'import', ...others, ...withPassphrase())).stderr).toContain(
      'was not signed by the root',
    );
    await writeFile(issuing, keptIssuing);
    expect((await factory.cli('ca', 'import', ...others, ...withPassphrase())).stderr).toContain(
      'The key is not that of the issuing certificate',
    );
    await factory.cli('ca', 'import');
    execFileSync('chmod', ['644', others[5] as string]);
    expect((await factory.cli('ca', 'import', ...others, ...withPassphrase())).stderr).toContain('chmod 600');
  });
});

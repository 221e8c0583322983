import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readCertificateRequest } from '../csr/certificate-request.ts';
import { issueBoardIdentity, validityOf } from './board-identity.ts';
import { createCa } from './ca-creation.ts';
import { caFiles, type FactoryCa, leafIssuerOf, unlockSigner } from './ca-store.ts';

const openssl = async (...args: string[]) => (await promisify(execFile)('openssl', args)).stdout;

describe.each(['ec-p256', 'rsa-3072'] as const)('openssl and a CA of kind %s', (keyKind) => {
  const passphrase = 'correct horse battery staple';
  let workspace: string;
  let ca: FactoryCa;

  beforeAll(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'aovis-openssl-'));
    const now = Date.now();
    ca = await createCa(workspace, {
      organization: 'AOVIS',
      label: '1',
      keyKind,
      ...validityOf(now, 'never'),
      passphrase,
    });
    const signer = await unlockSigner(ca, passphrase);
    for (const years of [20, 'never'] as const) {
      const leaf = await issueBoardIdentity(
        'aovis-n4k-000001',
        leafIssuerOf(ca, signer, validityOf(now, years), now),
      );
      await writeFile(join(workspace, `leaf-${years}.crt`), leaf.certificatePem);
      await writeFile(join(workspace, `leaf-${years}.key`), leaf.privateKeyPem);
    }
    const rsa = await issueBoardIdentity(
      'aovis-n4k-000001',
      leafIssuerOf(ca, signer, validityOf(now, 20), now),
      'rsa-2048',
    );
    await writeFile(join(workspace, 'leaf-rsa.crt'), rsa.certificatePem);
    await writeFile(join(workspace, 'leaf-rsa.key'), rsa.privateKeyPem);
    await writeFile(join(workspace, 'pass'), `${passphrase}\n`, { mode: 0o600 });
  }, 30_000);

  afterAll(async () => {
    await rm(workspace, { recursive: true, force: true });
  });

  it.each(['20', 'never', 'rsa'])(
    'verifies the chain of leaf %s, strictly and for clients',
    async (years) => {
      const leaf = join(workspace, `leaf-${years}.crt`);
      const answer = await openssl(
        'verify',
        '-x509_strict',
        '-purpose',
        'sslclient',
        '-CAfile',
        join(ca.directory, caFiles.rootCertificate),
        '-untrusted',
        join(ca.directory, caFiles.issuingCertificate),
        leaf,
      );
      expect(answer.trim()).toBe(`${leaf}: OK`);
    },
  );

  it.each(['20', 'rsa'])('finds the key of leaf %s to be that of the certificate', async (name) => {
    const leaf = join(workspace, `leaf-${name}`);
    const ofCertificate = await openssl('x509', '-in', `${leaf}.crt`, '-noout', '-pubkey');
    const ofKey = await openssl('pkey', '-in', `${leaf}.key`, '-pubout');
    expect(ofKey).toBe(ofCertificate);
  });

  it('makes requests that are read, and refuses chains that are wrong', async () => {
    const csr = join(workspace, 'board.csr');
    const newKey = 'req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=N4K-000001';
    await openssl(...newKey.split(' '), '-keyout', join(workspace, 'board.key'), '-out', csr);
    const { commonName, spki } = await readCertificateRequest(await readFile(csr));
    expect(commonName).toBe('N4K-000001');
    const pem = await openssl('req', '-in', csr, '-noout', '-pubkey');
    expect(pem.replace(/-----[^-]+-----|\s/g, '')).toBe(spki.toString('base64'));
    // A leaf signs nothing.
    const [root, leaf, issuer] = [
      join(ca.directory, caFiles.rootCertificate),
      join(workspace, 'leaf-rsa.crt'),
      join(workspace, 'leaf-20.crt'),
    ];
    const wrong = openssl('verify', '-x509_strict', '-CAfile', root, '-untrusted', issuer, leaf);
    await expect(wrong).rejects.toThrow('unable to get local issuer certificate');
  });

  it('lets nobody be a CA below the issuing one: its path length is 0', async () => {
    const inWorkspace = (name: string) => join(workspace, name);
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    for (const name of ['below', 'under']) {
      const files = ['-keyout', inWorkspace(`${name}.key`), '-out', inWorkspace(`${name}.csr`)];
      await openssl('req', '-new', ...newKey, '-subj', `/CN=${name}`, ...files);
    }
    await writeFile(
      inWorkspace('ca.ext'),
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n',
    );
    const sign = (name: string, ...more: string[]) => {
      const files = ['-in', inWorkspace(`${name}.csr`), '-out', inWorkspace(`${name}.crt`)];
      return openssl('x509', '-req', '-days', '100', '-CAcreateserial', ...files, ...more);
    };
    const issuing = join(ca.directory, caFiles.issuingCertificate);
    const ours = ['-CA', issuing, '-CAkey', join(ca.directory, caFiles.issuingKey)];
    await sign('below', ...ours, '-passin', `file:${inWorkspace('pass')}`, '-extfile', inWorkspace('ca.ext'));
    await sign('under', '-CA', inWorkspace('below.crt'), '-CAkey', inWorkspace('below.key'));
    const untrusted = ['-untrusted', issuing, '-untrusted', inWorkspace('below.crt')];
    const root = join(ca.directory, caFiles.rootCertificate);
    const chain = openssl('verify', '-CAfile', root, ...untrusted, inWorkspace('under.crt'));
    await expect(chain).rejects.toThrow('path length constraint exceeded');
  });

  it('has leaves that end when they say, and no chain without the issuing CA', async () => {
    const root = join(ca.directory, caFiles.rootCertificate);
    const leaf = join(workspace, 'leaf-20.crt');
    const certificate = new X509Certificate(await readFile(leaf));
    const chain = ['-CAfile', root, '-untrusted', join(ca.directory, caFiles.issuingCertificate), leaf];
    const at = (seconds: number) =>
      openssl('verify', '-attime', String(Date.parse(certificate.validTo) / 1000 + seconds), ...chain);
    await expect(at(-1)).resolves.toContain('OK');
    await expect(at(1)).rejects.toThrow('certificate has expired');
    const alone = openssl('verify', '-CAfile', root, leaf);
    await expect(alone).rejects.toThrow('unable to get local issuer certificate');
  });

  it.each([caFiles.rootKey, caFiles.issuingKey])('reads back how %s is encrypted', async (name) => {
    const structure = await openssl('asn1parse', '-in', join(ca.directory, name));
    // RFC 8018 appendix A.4, with a salt of 16 bytes and 600,000 rounds (0x927C0).
    const fields = structure.split('\n').map((line) => line.replace(/^.*prim: |^.*cons: /, '').trim());
    expect(fields).toEqual(
      expect.arrayContaining([
        'OBJECT            :PBES2',
        'OBJECT            :PBKDF2',
        'INTEGER           :0927C0',
        'OBJECT            :hmacWithSHA256',
        'OBJECT            :aes-256-cbc',
      ]),
    );
    const [salt = '', iv = ''] = fields.flatMap((field) => /HEX DUMP\]:([0-9A-F]+)$/.exec(field)?.[1] ?? []);
    expect([salt.length, iv.length]).toEqual([32, 32]);
  });

  it('opens the encrypted CA key with the passphrase', async () => {
    const ofKey = await openssl(
      'pkey',
      '-in',
      join(ca.directory, caFiles.issuingKey),
      '-passin',
      `file:${join(workspace, 'pass')}`,
      '-pubout',
    );
    const ofCertificate = await openssl(
      'x509',
      '-in',
      join(ca.directory, caFiles.issuingCertificate),
      '-noout',
      '-pubkey',
    );
    expect(ofKey).toBe(ofCertificate);
  });
});

import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { Pki } from './pki.ts';

describe('Pki', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pki-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('makes a root once, keeps its key private, and opens the same again', async () => {
    const first = await Pki.open(directory);
    const second = await Pki.open(directory);
    expect(second.rootCaPem).toBe(first.rootCaPem);
    expect(statSync(join(directory, 'root-ca.key')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(directory, 'root-ca.key.part'))).toBe(false);
    const root = new X509Certificate(first.rootCaPem);
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
  });

  it('gives a server identity for localhost and 127.0.0.1 that Node and an independent parser accept', async () => {
    const pki = await Pki.open(directory);
    const { keyPem, certificatePem } = await pki.serverIdentity();
    const root = new X509Certificate(pki.rootCaPem);
    const leaf = new X509Certificate(certificatePem);
    expect(leaf.checkIssued(root) && leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect([leaf.checkHost('localhost'), leaf.checkIP('127.0.0.1')]).toEqual(['localhost', '127.0.0.1']);
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    const parsed = new x509.X509Certificate(leaf.toString());
    expect(
      await parsed.verify({ publicKey: new x509.X509Certificate(pki.rootCaPem), signatureOnly: true }),
    ).toBe(true);
    expect(certificatePem).toContain(pki.rootCaPem.trim());
  });

  it('signs client certificates as AWS does: until the end of 2049, for clients only, positive serial', async () => {
    const pki = await Pki.open(directory);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const imported = await crypto.subtle.importKey(
      'spki',
      publicKey.export({ type: 'spki', format: 'der' }),
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['verify'],
    );
    const leaf = new X509Certificate(await pki.clientCertificate(imported));
    const root = new X509Certificate(pki.rootCaPem);
    expect(leaf.checkIssued(root) && leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.subject).toBe('CN=AWS IoT Certificate');
    expect(leaf.validToDate.toISOString()).toBe('2049-12-31T23:59:59.000Z');
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(leaf.serialNumber).toMatch(/^[1-7]?[0-9A-F]{0,31}$/);
    const parsed = new x509.X509Certificate(leaf.toString());
    const basic = parsed.getExtension(x509.BasicConstraintsExtension);
    const usage = parsed.getExtension(x509.KeyUsagesExtension);
    expect([basic?.ca, basic?.critical]).toEqual([false, true]);
    expect([usage?.usages, usage?.critical]).toEqual([x509.KeyUsageFlags.digitalSignature, true]);
    const issuerKey = new x509.X509Certificate(pki.rootCaPem).getExtension(
      x509.SubjectKeyIdentifierExtension,
    );
    expect(parsed.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId).toBe(issuerKey?.keyId);
  });
});

import 'reflect-metadata';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import forge from 'node-forge';
import { issueBoardIdentity, validityOf } from './board-identity.ts';
import { createCa } from './ca-creation.ts';
import { caFiles, type FactoryCa, fingerprintOf, leafIssuerOf, loadCa, unlockSigner } from './ca-store.ts';
import { keyDerivationRounds } from './encrypted-key.ts';

const now = Date.parse('2026-11-20T12:00:00Z');
const passphrase = 'correct horse battery staple';

const oids = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
};

/** Extensions as an independent reader sees them: OID → critical. */
function extensionsOf(certificate: x509.X509Certificate): Map<string, boolean> {
  return new Map(certificate.extensions.map(({ type, critical }) => [type, critical]));
}

function extension<T>(certificate: x509.X509Certificate, oid: string): T {
  return certificate.getExtension(oid) as unknown as T;
}

describe.each(['ec-p256', 'rsa-3072'] as const)('a factory CA of kind %s', (keyKind) => {
  let workspace: string;
  let ca: FactoryCa;
  let leaf: Awaited<ReturnType<typeof issueBoardIdentity>>;

  beforeAll(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'aovis-ca-'));
    ca = await createCa(workspace, {
      organization: 'AOVIS',
      label: '1a2b',
      keyKind,
      ...validityOf(now, 40),
      passphrase,
    });
    const signer = await unlockSigner(ca, passphrase);
    leaf = await issueBoardIdentity('aovis-n4k-000123', leafIssuerOf(ca, signer, validityOf(now, 20), now));
  }, 30_000);

  afterAll(async () => {
    await rm(workspace, { recursive: true, force: true });
  });

  it('has a self-signed root and an issuing CA of path length 0 under it', async () => {
    const root = new x509.X509Certificate(ca.root.toString());
    const issuing = new x509.X509Certificate(ca.issuing.toString());
    expect(root.subject).toBe('O=AOVIS, CN=AOVIS Factory Root 1a2b');
    expect(issuing.subject).toBe('O=AOVIS, CN=AOVIS Camera Factory CA 1a2b');
    expect(issuing.issuer).toBe(root.subject);
    expect(await root.verify({ publicKey: root.publicKey, signatureOnly: true })).toBe(true);
    expect(await issuing.verify({ publicKey: root.publicKey, signatureOnly: true })).toBe(true);
    for (const [certificate, pathLength] of [
      [root, undefined],
      [issuing, 0],
    ] as const) {
      expect(extensionsOf(certificate)).toEqual(
        new Map([
          [oids.basicConstraints, true],
          [oids.keyUsage, true],
          [oids.subjectKeyIdentifier, false],
          [oids.authorityKeyIdentifier, false],
        ]),
      );
      const constraints = extension<x509.BasicConstraintsExtension>(certificate, oids.basicConstraints);
      expect([constraints.ca, constraints.pathLength]).toEqual([true, pathLength]);
      expect(extension<x509.KeyUsagesExtension>(certificate, oids.keyUsage).usages).toBe(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
      );
    }
  });

  it('issues leaves of the profile, as an independent reader sees them', async () => {
    const certificate = new x509.X509Certificate(leaf.certificatePem);
    expect(certificate.subject).toBe('CN=aovis-n4k-000123');
    expect(certificate.notBefore).toEqual(new Date('2026-11-19T12:00:00Z'));
    expect(certificate.notAfter).toEqual(new Date('2046-11-20T12:00:00Z'));
    expect(certificate.serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(extensionsOf(certificate)).toEqual(
      new Map([
        [oids.basicConstraints, true],
        [oids.keyUsage, true],
        [oids.extendedKeyUsage, false],
        [oids.subjectKeyIdentifier, false],
        [oids.authorityKeyIdentifier, false],
      ]),
    );
    expect(extension<x509.BasicConstraintsExtension>(certificate, oids.basicConstraints).ca).toBe(false);
    expect(extension<x509.KeyUsagesExtension>(certificate, oids.keyUsage).usages).toBe(
      x509.KeyUsageFlags.digitalSignature,
    );
    expect(extension<x509.ExtendedKeyUsageExtension>(certificate, oids.extendedKeyUsage).usages).toEqual([
      '1.3.6.1.5.5.7.3.2',
    ]);
    const issuing = new x509.X509Certificate(ca.issuing.toString());
    expect(
      extension<x509.AuthorityKeyIdentifierExtension>(certificate, oids.authorityKeyIdentifier).keyId,
    ).toBe(extension<x509.SubjectKeyIdentifierExtension>(issuing, oids.subjectKeyIdentifier).keyId);
    expect(await certificate.verify({ publicKey: issuing.publicKey, signatureOnly: true })).toBe(true);
  });

  it('issues leaves that Node accepts, with their key, id and chain', () => {
    const certificate = new X509Certificate(leaf.certificatePem);
    expect(certificate.checkIssued(ca.issuing)).toBe(true);
    expect(certificate.verify(ca.issuing.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.checkPrivateKey(createPrivateKey(leaf.privateKeyPem))).toBe(true);
    expect(leaf.certificateId).toBe(fingerprintOf(certificate));
    expect(leaf.publicKeySha256).toBe(
      createHash('sha256')
        .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
        .digest('hex'),
    );
  });

  it('keeps its keys encrypted with a strong derivation, under the passphrase only', async () => {
    const pem = await readFile(join(ca.directory, caFiles.issuingKey), 'utf8');
    const der = forge.util.createBuffer(
      Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64').toString('binary'),
    );
    const children = (node: forge.asn1.Asn1, index: number) =>
      (node.value as forge.asn1.Asn1[])[index] as forge.asn1.Asn1;
    const parameters = children(children(forge.asn1.fromDer(der), 0), 1);
    const derivation = children(children(parameters, 0), 1);
    expect(forge.asn1.derToInteger(children(derivation, 1).value as string)).toBe(keyDerivationRounds);
    expect(keyDerivationRounds).toBeGreaterThanOrEqual(600_000);
    await expect(unlockSigner(ca, 'another passphrase')).rejects.toMatchObject({ kind: 'ca' });
  });
});

describe('validity', () => {
  it('«never» is 99991231235959Z, as GeneralizedTime', async () => {
    const workspace = await mkdtemp(join(tmpdir(), 'aovis-ca-'));
    try {
      const never = validityOf(now, 'never');
      const ca = await createCa(workspace, {
        organization: 'AOVIS',
        label: 'x',
        keyKind: 'ec-p256',
        ...never,
        passphrase,
      });
      const signer = await unlockSigner(ca, passphrase);
      const leaf = await issueBoardIdentity('aovis-n4k-000001', leafIssuerOf(ca, signer, never, now));
      const der = new X509Certificate(leaf.certificatePem).raw;
      expect(der.includes(Buffer.from('\x18\x0f99991231235959Z', 'latin1'))).toBe(true);
      expect(der.includes(Buffer.from('\x17\x0d261119120000Z', 'latin1'))).toBe(true);
      await expect(createCa(workspace, {} as never)).rejects.toMatchObject({ kind: 'conflict' });
    } finally {
      await rm(workspace, { recursive: true, force: true });
    }
  });

  it('a leaf does not outlive its CA, nor is one issued when the CA is not valid', async () => {
    const workspace = await mkdtemp(join(tmpdir(), 'aovis-ca-'));
    try {
      const ca = await createCa(workspace, {
        organization: 'AOVIS',
        label: 'x',
        keyKind: 'ec-p256',
        ...validityOf(now, 10),
        passphrase,
      });
      const signer = await unlockSigner(ca, passphrase);
      expect(() => leafIssuerOf(ca, signer, validityOf(now, 20), now)).toThrow('longer than their CA');
      const later = Date.parse('2040-01-01T00:00:00Z');
      expect(() => leafIssuerOf(ca, signer, validityOf(later, 1), later)).toThrow('expired on 2036');
      const earlier = Date.parse('2020-01-01T00:00:00Z');
      expect(() => leafIssuerOf(ca, signer, validityOf(earlier, 1), earlier)).toThrow(
        'clock of this computer',
      );
      await writeFile(join(ca.directory, caFiles.rootCertificate), ca.issuing.toString());
      await expect(loadCa(workspace)).rejects.toThrow('was not signed by the root beside it');
    } finally {
      await rm(workspace, { recursive: true, force: true });
    }
  });
});

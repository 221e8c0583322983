import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateCertificateFromCsrCommand, CreateKeysAndCertificateCommand } from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type IotCloud, startIotCloud } from './testing/iot-cloud.ts';

describe('openssl', () => {
  let cloud: IotCloud;
  let directory: string;
  beforeEach(async () => {
    cloud = await startIotCloud();
    directory = mkdtempSync(join(tmpdir(), 'openssl-'));
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await cloud.stop();
  });

  const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8' });
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const verify = (pem: string, purpose: string): string =>
    openssl(
      'verify',
      '-x509_strict',
      '-purpose',
      purpose,
      '-CAfile',
      cloud.environment.pki.rootCaPath,
      file(`${purpose}.pem`, pem),
    );

  it('verifies the server identity, strictly', async () => {
    const { certificatePem } = await cloud.environment.pki.serverIdentity();
    expect(verify(certificatePem, 'sslserver')).toMatch(/OK\n$/);
  });

  it('verifies issued certificates, strictly, and finds the key to fit', async () => {
    const made = await cloud.client.send(new CreateKeysAndCertificateCommand({}));
    expect(verify(made.certificatePem ?? '', 'sslclient')).toMatch(/OK\n$/);
    const key = file('key.pem', made.keyPair?.PrivateKey ?? '');
    const fromKey = openssl('pkey', '-in', key, '-pubout');
    expect(openssl('x509', '-in', file('c.pem', made.certificatePem ?? ''), '-noout', '-pubkey')).toBe(
      fromKey,
    );
  });

  it('makes requests that are signed, with its subject and its key', async () => {
    const key = join(directory, 'board.key');
    openssl('ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', key);
    const csr = openssl('req', '-new', '-key', key, '-subj', '/O=AOVIS/CN=aovis-n4k-000009');
    const { certificatePem = '' } = await cloud.client.send(
      new CreateCertificateFromCsrCommand({ certificateSigningRequest: csr }),
    );
    expect(verify(certificatePem, 'sslclient')).toMatch(/OK\n$/);
    expect(openssl('x509', '-in', file('b.pem', certificatePem), '-noout', '-subject')).toMatch(
      /O ?= ?AOVIS, ?CN ?= ?aovis-n4k-000009/,
    );
  });
});

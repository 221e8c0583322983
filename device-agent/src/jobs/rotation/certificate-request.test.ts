import 'reflect-metadata';
import { createPublicKey } from 'node:crypto';
import { expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { certificateRequest, newPrivateKey } from './certificate-request.ts';

it('is a request that others take for one', async () => {
  const key = newPrivateKey();
  const request = new x509.Pkcs10CertificateRequest(
    Uint8Array.from(certificateRequest(key, 'aovis-n4k-000123')),
  );
  expect(await request.verify()).toBe(true);
  expect(request.subject).toBe('CN=aovis-n4k-000123');
  const own = createPublicKey(key).export({ type: 'spki', format: 'der' });
  expect(Buffer.compare(Buffer.from(request.publicKey.rawData), own)).toBe(0);
});

it('fits into one detail of a job', () => {
  const longest = certificateRequest(newPrivateKey(), `aovis-${'m'.repeat(8)}-999999`);
  expect(longest.toString('base64').length).toBeLessThanOrEqual(1_024);
});

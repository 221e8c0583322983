import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { certificateRequest, newPrivateKey } from './certificate-request.ts';

it('is verified by openssl', async () => {
  const file = join(await temporaryDirectory(), 'board.csr');
  await writeFile(file, certificateRequest(newPrivateKey(), 'aovis-n4k-000123'));
  const text = execFileSync('openssl', ['req', '-inform', 'DER', '-in', file, '-verify', '-noout', '-text'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  expect(text).toMatch(/Subject: CN ?= ?aovis-n4k-000123/);
  expect(text).toContain('ecdsa-with-SHA256');
  expect(text).toContain('P-256');
});

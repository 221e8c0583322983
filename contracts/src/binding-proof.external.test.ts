import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import challenge from '../fixtures/binding-challenge.v1.json' with { type: 'json' };
import proof from '../fixtures/binding-proof.v1.json' with { type: 'json' };
import { bindingTranscript } from './binding-proof.ts';

const run = promisify(execFile);
const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2bwtGUbfFZR/66MxJ157oDzdELgI
TJCg5DbHsH0Ht1DVl58h49v7Uf8UlLl3CCNmZVUhwLUk48fDsaHM3QM6og==
-----END PUBLIC KEY-----
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binding-proof-'));
  await writeFile(join(folder, 'key.pem'), publicKey);
  await writeFile(join(folder, 'proof.der'), Buffer.from(proof.signature, 'base64url'));
});
afterAll(() => rm(folder, { recursive: true }));

async function opensslSays(thing: string): Promise<string> {
  const bytes = bindingTranscript({ thing, certificateId: 'ab'.repeat(32), challenge });
  await writeFile(join(folder, 'transcript'), bytes);
  const words = ['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'proof.der', 'transcript'];
  const { stdout } = await run('openssl', words, { cwd: folder }).catch(
    (refusal: { stdout: string }) => refusal,
  );
  return stdout.trim();
}

it('openssl takes the golden signature for the golden challenge, and for no other board', async () => {
  expect(await opensslSays('aovis-n4k-000123')).toBe('Verified OK');
  expect(await opensslSays('aovis-n4k-000124')).toBe('Verification failure');
});

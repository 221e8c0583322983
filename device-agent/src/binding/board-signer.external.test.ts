import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import golden from '@aovis/contracts/fixtures/binding-challenge.v1.json' with { type: 'json' };
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { boardSigner } from './board-signer.ts';

const run = promisify(execFile);
const thing = 'aovis-n4k-000123';
const certificateId = 'ab'.repeat(32);

/** The transcript by hand, as the specification of the proof has it: each field after its length. */
function transcriptByHand(): Buffer {
  const { claim_id, user_ref, nonce, expires_at, epoch } = golden;
  const fields = ['AOVIS-BIND-v1', thing, certificateId, claim_id, user_ref, nonce, expires_at, epoch];
  return Buffer.concat(
    fields.map((field) => {
      const text = Buffer.from(String(field));
      return Buffer.concat([Buffer.from([0, 0, 0, text.length]), text]);
    }),
  );
}

it.each([
  ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, []],
  [
    'RSA',
    generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey,
    ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'],
  ],
])('openssl takes what a board signs with a key of kind %s', async (_, key, options) => {
  const folder = await temporaryDirectory();
  const privateKey = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const bundle = { thing, certificateId, privateKey } as Parameters<typeof boardSigner>[0];
  const { signature } = boardSigner(bundle)(golden);
  await writeFile(join(folder, 'key.pem'), createPublicKey(key).export({ format: 'pem', type: 'spki' }));
  await writeFile(join(folder, 'signature'), Buffer.from(signature, 'base64url'));
  await writeFile(join(folder, 'transcript'), transcriptByHand());
  const words = [
    'dgst',
    '-sha256',
    '-verify',
    'key.pem',
    ...options,
    '-signature',
    'signature',
    'transcript',
  ];
  const { stdout } = await run('openssl', words, { cwd: folder });
  expect(stdout.trim()).toBe('Verified OK');
});

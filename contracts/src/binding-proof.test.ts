import { createHash, createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import challenge from '../fixtures/binding-challenge.v1.json' with { type: 'json' };
import proof from '../fixtures/binding-proof.v1.json' with { type: 'json' };
import { bindingChallengeSchema, bindingProofSchema, bindingTranscript } from './binding-proof.ts';

const transcript = { thing: 'aovis-n4k-000123', certificateId: 'ab'.repeat(32), challenge };

/** The signature in the fixture was made by openssl with the other half of this key, over bytes put together by hand. */
const publicKey = createPublicKey(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2bwtGUbfFZR/66MxJ157oDzdELgI
TJCg5DbHsH0Ht1DVl58h49v7Uf8UlLl3CCNmZVUhwLUk48fDsaHM3QM6og==
-----END PUBLIC KEY-----`);

it('fits its golden examples', () => {
  expect(bindingChallengeSchema.parse(challenge)).toEqual(challenge);
  expect(bindingProofSchema.parse(proof)).toEqual(proof);
  expect(Buffer.from(challenge.nonce, 'base64url')).toHaveLength(32);
});

it('has exactly the bytes that another implementation signed', () => {
  const bytes = bindingTranscript(transcript);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(
    '1791501fa0b479e8c9242a155a7e98066e2e51aafe50d915e017c7b70183c893',
  );
  expect(verify('sha256', bytes, publicKey, Buffer.from(proof.signature, 'base64url'))).toBe(true);
});

describe('no other claim gives the same bytes', () => {
  const bytes = bindingTranscript(transcript).toString('hex');

  it.each([
    { thing: 'aovis-n4k-000124' },
    { certificateId: 'ac'.repeat(32) },
    { challenge: { ...challenge, claim_id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3F' } },
    { challenge: { ...challenge, user_ref: 'u_4f9a1c2e7b6d8036' } },
    { challenge: { ...challenge, epoch: 1 } },
    { challenge: { ...challenge, expires_at: challenge.expires_at + 1 } },
    // Digits moved from one field to the next: lengths keep them apart.
    { challenge: { ...challenge, expires_at: 179_513_310_000, epoch: 0 } },
  ])('%#', (change) => {
    expect(bindingTranscript({ ...transcript, ...change }).toString('hex')).not.toBe(bytes);
  });
});

it('signs for no thing that is none', () => {
  expect(() => bindingTranscript({ ...transcript, thing: 'toaster' })).toThrow();
});

it.each([
  { nonce: 'short' },
  { nonce: '='.repeat(43) },
  { user_ref: 'joe@example.com' },
  { epoch: -1 },
  { extra: 1 },
])('refuses a challenge with %j', (change) => {
  expect(bindingChallengeSchema.safeParse({ ...challenge, ...change }).success).toBe(false);
});

import { createHash, createPublicKey, verify } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import challenge from '../fixtures/binding-challenge.v1.json' with { type: 'json' };
import proof from '../fixtures/binding-proof.v1.json' with { type: 'json' };
import { bindingChallengeSchema, bindingProofSchema, bindingTranscript } from './binding-proof.ts';

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
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

describe('whatever comes in', () => {
  const anything = fc.jsonValue();
  const nearChallenge = fc.record(
    {
      claim_id: fc.oneof(fc.constant(challenge.claim_id), anything),
      nonce: fc.oneof(fc.uint8Array({ minLength: 30, maxLength: 34 }).map(base64url), anything),
      user_ref: fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{14,66}$/), anything),
      epoch: fc.oneof(fc.integer(), anything),
      expires_at: fc.oneof(fc.maxSafeInteger(), anything),
    },
    { noNullPrototype: true },
  );
  const nearProof = fc.record(
    {
      claim_id: fc.oneof(fc.constant(proof.claim_id), anything),
      certificate_id: fc.oneof(fc.constant(proof.certificate_id), anything),
      signature: fc.oneof(fc.uint8Array({ minLength: 40, maxLength: 600 }).map(base64url), anything),
    },
    { noNullPrototype: true },
  );

  it('a challenge that is taken can be signed, is whole, and comes out as it went in', () => {
    fc.assert(
      fc.property(fc.oneof(nearChallenge, anything), (value) => {
        const parsed = bindingChallengeSchema.safeParse(value);
        if (!parsed.success) return;
        expect(parsed.data).toEqual(value);
        expect(Buffer.from(parsed.data.nonce, 'base64url')).toHaveLength(32);
        expect(bindingTranscript({ ...transcript, challenge: parsed.data }).length).toBeGreaterThan(200);
      }),
    );
  });

  it('a proof that is taken holds a signature of bytes', () => {
    fc.assert(
      fc.property(fc.oneof(nearProof, anything), (value) => {
        const parsed = bindingProofSchema.safeParse(value);
        if (!parsed.success) return;
        expect(parsed.data).toEqual(value);
        expect(Buffer.from(parsed.data.signature, 'base64url').length).toBeGreaterThanOrEqual(48);
      }),
    );
  });

  it('two transcripts are the same only when every field is', () => {
    const field = fc.record({
      user_ref: fc.stringMatching(/^[A-Za-z0-9_-]{16,24}$/),
      epoch: fc.nat(),
      expires_at: fc.nat(),
    });
    fc.assert(
      fc.property(field, field, (a, b) => {
        const bytesOf = (change: typeof a): string =>
          bindingTranscript({ ...transcript, challenge: { ...challenge, ...change } }).toString('hex');
        expect(bytesOf(a) === bytesOf(b)).toBe(isDeepStrictEqual({ ...a }, { ...b }));
      }),
    );
  });
});

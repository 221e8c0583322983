import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Claim, challengeOf, claimValidMs, userRefOf } from './claim.ts';
import { judgeProof, type ProofFacts } from './proof-rules.ts';
import { boardIdentity, certificateIdOf, rsaIdentity, signChallenge } from './testing/signing-board.ts';

const createdAt = new Date('2026-11-20T12:00:00Z');
const thing = 'aovis-n4k-000123';
const claim: Claim = {
  id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3D',
  deviceId: thing,
  userId: '5f0c6f7e-3a55-4d8e-9b0a-0f2d8f7f4a11',
  epoch: 2,
  nonce: Buffer.alloc(32, 7).toString('base64url'),
  status: 'pending',
  failure: undefined,
  requestId: 'r',
  createdAt,
  expiresAt: new Date(createdAt.getTime() + claimValidMs),
};
const certificateId = certificateIdOf(boardIdentity);
const good: ProofFacts = {
  claim,
  device: { status: 'provisioned', ownerId: undefined, epoch: 2, certificateId },
  certificate: { pem: boardIdentity.certificate, active: true },
  proof: signChallenge(boardIdentity, { thing, challenge: challengeOf(claim) }),
  now: createdAt,
};

it('grants what the board has signed, until the claim is over', () => {
  expect(judgeProof(good)).toEqual({ kind: 'grant' });
  const last = new Date(claim.expiresAt.getTime() - 1);
  expect(judgeProof({ ...good, now: last })).toEqual({ kind: 'grant' });
  expect(judgeProof({ ...good, now: claim.expiresAt })).toMatchObject({ failure: 'device_proof_timeout' });
});

it('changes nothing about a claim that has ended', () => {
  for (const status of ['activated', 'refused', 'expired'] as const)
    expect(judgeProof({ ...good, claim: { ...claim, status } })).toEqual({
      kind: 'late',
      reason: `claim_${status}`,
    });
});

it('takes no signature for another, however it is made', () => {
  const signature = fc
    .oneof(
      fc.uint8Array({ minLength: 48, maxLength: 520 }),
      // Almost right: one byte of the right one is another.
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
        const bytes = Buffer.from(good.proof.signature, 'base64url');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ change;
        return bytes;
      }),
    )
    .map((bytes) => Buffer.from(bytes).toString('base64url'));
  const identities = [boardIdentity, rsaIdentity];
  fc.assert(
    fc.property(signature, fc.constantFrom(...identities), (forged, identity) => {
      const id = certificateIdOf(identity);
      const verdict = judgeProof({
        ...good,
        device: { ...good.device, certificateId: id },
        certificate: { pem: identity.certificate, active: true },
        proof: { claim_id: claim.id, certificate_id: id, signature: forged },
      });
      expect(verdict).toEqual({ kind: 'refuse', failure: 'invalid_proof', reason: 'wrong_signature' });
    }),
  );
});

it('names a user in one claim only', () => {
  const other = { ...claim, id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3E' };
  expect(userRefOf(claim)).not.toBe(userRefOf(other));
  expect(userRefOf(claim)).not.toBe(userRefOf({ ...claim, userId: other.id }));
});

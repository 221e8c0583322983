import { describe, expect, it } from '@jest/globals';
import { type ActivationFacts, decideActivation } from './activation-rules.ts';

const good: ActivationFacts = {
  codeMatches: true,
  hasCode: true,
  status: 'provisioned',
  provisionedIccid: '8986001234567890123',
  presentedIccid: undefined,
  ownerId: undefined,
  userId: 'me',
  claimPolicy: 'label',
};

/** Everything wrong at once; each row mends one thing, so that the order of the answers shows. */
const worst: ActivationFacts = {
  ...good,
  hasCode: false,
  codeMatches: false,
  status: 'planned',
  presentedIccid: '8986000000000000000',
  ownerId: 'somebody',
  claimPolicy: 'label+device',
};

describe('the order of the answers', () => {
  const steps: [Partial<ActivationFacts>, string][] = [
    [{}, 'device_not_provisioned'],
    [{ hasCode: true }, 'invalid_activation_code'],
    [{ codeMatches: true }, 'device_not_provisioned'],
    [{ status: 'provisioned' }, 'iccid_mismatch'],
    [{ presentedIccid: '8986001234567890123' }, 'device_owned_by_another_user'],
  ];
  let facts = worst;
  for (const [mended, code] of steps) {
    facts = { ...facts, ...mended };
    const now = facts;
    it(`answers ${code} after ${JSON.stringify(mended)}`, () => {
      expect(decideActivation(now)).toEqual({ kind: 'refuse', code });
    });
  }
  it('grants when all is mended, or leaves it to the board', () => {
    const mended = { ...facts, ownerId: undefined };
    expect(decideActivation(mended)).toEqual({ kind: 'prove' });
    expect(decideActivation({ ...mended, claimPolicy: 'label' })).toEqual({ kind: 'grant' });
  });
});

it('answers an unknown device like a wrong code', () => {
  expect(decideActivation(undefined)).toEqual(decideActivation({ ...good, codeMatches: false }));
});

it('lets the owner repeat the claim, whatever the policy says by now', () => {
  const facts: ActivationFacts = { ...good, ownerId: 'me', claimPolicy: 'label+device' };
  expect(decideActivation(facts)).toEqual({ kind: 'already_owned' });
});

it('refuses a revoked device even to its owner', () => {
  const facts: ActivationFacts = { ...good, ownerId: 'me', status: 'revoked' };
  expect(decideActivation(facts)).toEqual({ kind: 'refuse', code: 'device_not_provisioned' });
});

it('refuses a SIM card where none is on record', () => {
  const facts: ActivationFacts = {
    ...good,
    provisionedIccid: undefined,
    presentedIccid: '8986001234567890123',
  };
  expect(decideActivation(facts)).toEqual({ kind: 'refuse', code: 'iccid_mismatch' });
});

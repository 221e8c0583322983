import { describe, expect, it } from '@jest/globals';
import {
  type AcceptanceFacts,
  decideAcceptance,
  freeSlot,
  maskEmail,
  offerEnd,
  sharesPerDevice,
  shareWindow,
} from './sharing-rules.ts';

const now = new Date('2026-03-01T00:00:00Z');
const at = (iso: string): Date => new Date(iso);

it('an invitation holds a week, and never longer than what it invites to', () => {
  expect(shareWindow(now, 30)).toEqual({
    invitationExpiresAt: at('2026-03-08T00:00:00Z'),
    expiresAt: at('2026-03-31T00:00:00Z'),
  });
  expect(shareWindow(now, 1)).toEqual({
    invitationExpiresAt: at('2026-03-02T00:00:00Z'),
    expiresAt: at('2026-03-02T00:00:00Z'),
  });
  expect(offerEnd(now)).toEqual(at('2026-03-08T00:00:00Z'));
});

it('places are taken from the lowest, ten of them', () => {
  const all = Array.from({ length: sharesPerDevice }, (_, index) => index + 1);
  expect(freeSlot([])).toBe(1);
  expect(freeSlot([1, 2, 4])).toBe(3);
  expect(freeSlot(all.slice(0, -1))).toBe(10);
  expect(freeSlot(all)).toBeUndefined();
});

it('an address is shown to recognise, not to write to', () => {
  expect(maskEmail('grandma@example.com')).toBe('g…@example.com');
});

describe('an acceptance', () => {
  const open = {
    open: true,
    expiresAt: at('2026-03-08T00:00:00Z'),
    acceptedBy: undefined,
    email: 'guest@example.com',
  };
  const facts: AcceptanceFacts = {
    invitation: open,
    ownerId: 'owner',
    userId: 'guest',
    verifiedEmail: 'guest@example.com',
    now,
  };
  const decide = (change: Partial<AcceptanceFacts>) => {
    const decision = decideAcceptance({ ...facts, ...change });
    return decision.kind === 'refuse' ? decision.code : decision.kind;
  };
  const invitation = (change: Partial<NonNullable<AcceptanceFacts['invitation']>>) => ({
    invitation: { ...open, ...change },
  });

  it.each<[string, Partial<AcceptanceFacts>, string]>([
    ['by the one who was invited', {}, 'accept'],
    ['of a link without address', invitation({ email: undefined }), 'accept'],
    ['in its last millisecond', { now: at('2026-03-07T23:59:59.999Z') }, 'accept'],
    ['when it has expired', { now: open.expiresAt }, 'invitation_not_found'],
    ['of an unknown token', { invitation: undefined }, 'invitation_not_found'],
    ['of one that is over', invitation({ open: false }), 'invitation_not_found'],
    [
      'of one that somebody else accepted',
      invitation({ open: false, acceptedBy: 'other' }),
      'invitation_not_found',
    ],
    ['once more by who accepted it', invitation({ open: false, acceptedBy: 'guest' }), 'accepted_before'],
    ['by somebody else', { verifiedEmail: 'other@example.com' }, 'invitation_for_another_address'],
    ['without a verified address', { verifiedEmail: undefined }, 'invitation_for_another_address'],
    ['by the owner', { userId: 'owner' }, 'already_owner'],
    ['by the owner, too late', { userId: 'owner', now: open.expiresAt }, 'invitation_not_found'],
  ])('%s', (_, change, expected) => {
    expect(decide(change)).toBe(expected);
  });

  it('says nothing of addresses to who has no open invitation', () => {
    const stranger = { verifiedEmail: 'other@example.com' };
    expect(decide({ ...stranger, ...invitation({ open: false }) })).toBe('invitation_not_found');
    expect(decide({ ...stranger, now: open.expiresAt })).toBe('invitation_not_found');
  });
});

import { liveClientIdOf } from '@aovis/contracts/live-view';
import { expect, it } from '@jest/globals';
import { invitationOf } from './admission.ts';

const invitation = { role: 'viewer', epoch: 3, issuedAt: 5_000, seconds: 900 } as const;
const guest = liveClientIdOf(invitation, 'x');
const owner = liveClientIdOf({ ...invitation, role: 'owner' }, 'x');
const owned = { epoch: 3, owned: true };

it.each([
  ['of the present ownership', guest, owned],
  ['given since the last share ended', guest, { ...owned, viewers_since: 5_000 }],
  ['of the owner, given since the plan was taken back', owner, { ...owned, live_since: 5_000 }],
  ['of the owner, whose shares do not concern him', owner, { ...owned, viewers_since: 5_001 }],
  ['of an ownership that the board has not heard of yet', guest, { epoch: 2, owned: false }],
])('an invitation counts that is %s', (_, clientId, ownership) => {
  expect(invitationOf(clientId, ownership)).toMatchObject({ epoch: 3, issuedAt: 5_000, seconds: 900 });
});

it.each([
  ['of an earlier ownership', owner, { epoch: 5, owned: true }],
  ['of an ownership that has ended', owner, { epoch: 4, owned: false }],
  ['for a board that nobody owns', owner, { epoch: 3, owned: false }],
  ['of a guest, from before the plan was taken back', guest, { ...owned, live_since: 5_001 }],
  ['of the owner, from before the plan was taken back', owner, { ...owned, live_since: 5_001 }],
  ['from before a share ended', guest, { ...owned, viewers_since: 5_001 }],
  ['for a board that does not know whose it is', owner, undefined],
  ['not of the backend', 'owner-1', owned],
])('an invitation does not count that is %s', (_, clientId, ownership) => {
  expect(invitationOf(clientId, ownership)).toBeUndefined();
});

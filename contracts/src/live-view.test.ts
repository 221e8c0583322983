import { expect, it } from '@jest/globals';
import { liveClientIdOf, liveCommandSchema, readLiveClientId } from './live-view.ts';

const invitation = { role: 'viewer', epoch: 3, issuedAt: 1_763_640_000_000, seconds: 900 } as const;

it('a client id states the invitation', () => {
  const clientId = liveClientIdOf(invitation, '7d1f0a52-1c64-4c0e-9f57-0f6a3f0d2b11');
  expect(clientId).toBe('viewer-3-1763640000000-900-7d1f0a52-1c64-4c0e-9f57-0f6a3f0d2b11');
  expect(readLiveClientId(clientId)).toEqual(invitation);
  expect(readLiveClientId(liveClientIdOf({ ...invitation, role: 'owner' }, 'viewer-1'))?.role).toBe('owner');
});

it.each([
  '',
  'somebody',
  'owner-1',
  'owner-3-1763640000000-900',
  'admin-3-1763640000000-900-x',
  ' owner-3-1-1-x',
])('%j states none', (clientId) => {
  expect(readLiveClientId(clientId)).toBeUndefined();
});

it('a command may do without parameters', () => {
  expect(liveCommandSchema.parse({ id: '1', type: 'identify' })).toEqual({
    id: '1',
    type: 'identify',
    params: {},
  });
});

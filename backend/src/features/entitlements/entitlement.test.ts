import { expect, it } from '@jest/globals';
import { allows, type Entitlement, isActive, toEntitlementView, trialWindow } from './entitlement.ts';

const now = new Date('2026-03-01T12:00:00Z');
const trial: Entitlement = {
  id: '1',
  userId: 'u',
  deviceId: 'aovis-n4k-000001',
  capability: 'cloud_playback',
  source: 'trial',
  ...trialWindow(now),
  revokedAt: undefined,
};
const at = (iso: string): Date => new Date(iso);

it('a trial lasts 30 days to the millisecond, across a change of clocks', () => {
  expect(trial.endsAt).toEqual(at('2026-03-31T12:00:00Z'));
});

it.each([
  ['2026-03-01T11:59:59.999Z', false],
  ['2026-03-01T12:00:00.000Z', true],
  ['2026-03-31T11:59:59.999Z', true],
  ['2026-03-31T12:00:00.000Z', false],
])('at %s it counts: %s', (iso, active) => {
  expect(isActive(trial, at(iso))).toBe(active);
  expect(toEntitlementView(trial, at(iso)).active).toBe(active);
});

it('a revoked one counts until it was revoked', () => {
  const revoked = { ...trial, revokedAt: at('2026-03-05T00:00:00Z') };
  expect(isActive(revoked, at('2026-03-04T00:00:00Z'))).toBe(true);
  expect(isActive(revoked, at('2026-03-05T00:00:00Z'))).toBe(false);
});

it('a lapsed one does not hide a running one', () => {
  const lapsed = { ...trial, endsAt: at('2026-03-01T12:00:00Z') };
  expect(allows([lapsed, trial], 'cloud_playback', now)).toBe(true);
  expect(allows([lapsed], 'cloud_playback', now)).toBe(false);
  expect(allows([], 'cloud_playback', now)).toBe(false);
});

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
  status: 'active',
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

it.each(['suspended', 'revoked'] as const)('a %s one does not count', (status) => {
  expect(isActive({ ...trial, status }, now)).toBe(false);
});

it('one without end counts on', () => {
  const open = { ...trial, endsAt: undefined };
  expect(isActive(open, at('2126-03-01T00:00:00Z'))).toBe(true);
  expect(toEntitlementView(open, now).ends_at).toBeNull();
});

it('a lapsed one does not hide a running one', () => {
  const lapsed = { ...trial, endsAt: at('2026-03-01T12:00:00Z') };
  expect(allows([lapsed, trial], 'cloud_playback', now)).toBe(true);
  expect(allows([lapsed], 'cloud_playback', now)).toBe(false);
  expect(allows([], 'cloud_playback', now)).toBe(false);
});

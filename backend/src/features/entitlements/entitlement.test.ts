import { expect, it } from '@jest/globals';
import {
  allowance,
  allows,
  capabilitiesOf,
  type Entitlement,
  isActive,
  stateOf,
  toEntitlementView,
  trialWindow,
} from './entitlement.ts';
import { pageOfEntitlements } from './entitlement-page.ts';

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

it('is allowed until the last of plans that touch ends, and no further than a gap', () => {
  const plan = (startsAt: string, endsAt: string | undefined, status = trial.status): Entitlement => ({
    ...trial,
    status,
    startsAt: at(startsAt),
    endsAt: endsAt === undefined ? undefined : at(endsAt),
  });
  const next = plan('2026-03-31T12:00:00Z', '2026-04-30T12:00:00Z');
  const until = (...plans: Entitlement[]) => allowance([trial, ...plans], 'cloud_playback', now);
  expect(until()).toEqual({ until: trial.endsAt });
  expect(until(next)).toEqual({ until: next.endsAt });
  expect(until({ ...next, status: 'suspended' })).toEqual({ until: trial.endsAt });
  expect(until(plan('2026-03-31T12:00:01Z', '2026-04-30T12:00:00Z'))).toEqual({ until: trial.endsAt });
  expect(until(next, plan('2026-04-01T00:00:00Z', undefined))).toEqual({ until: undefined });
  expect(allowance([next], 'cloud_playback', now)).toBeUndefined();
});

it('a lapsed one does not hide a running one', () => {
  const lapsed = { ...trial, endsAt: at('2026-03-01T12:00:00Z') };
  expect(allows([lapsed, trial], 'cloud_playback', now)).toBe(true);
  expect(allows([lapsed], 'cloud_playback', now)).toBe(false);
  expect(allows([], 'cloud_playback', now)).toBe(false);
});

it.each<[string, Partial<Entitlement>, string]>([
  ['begins later', { startsAt: at('2026-03-01T12:00:00.001Z') }, 'scheduled'],
  ['counts', {}, 'active'],
  ['has no end', { endsAt: undefined }, 'active'],
  ['is over, noted or not', { endsAt: now }, 'expired'],
  ['is noted as over', { endsAt: now, status: 'expired' }, 'expired'],
  ['is disputed', { status: 'suspended' }, 'suspended'],
  ['was taken back, whatever its time', { status: 'revoked', endsAt: now }, 'revoked'],
])('one that %s', (_, change, state) => {
  expect(stateOf({ ...trial, ...change }, now)).toBe(state);
});

it('what is allowed is named once', () => {
  const data: Entitlement = { ...trial, capability: 'cellular_data', status: 'suspended' };
  expect(capabilitiesOf([trial, trial, data], now)).toEqual(['cloud_playback']);
});

it('they come in pages, newest first', () => {
  const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(8) + '-0000-4000-8000-000000000000');
  const [first, second, third] = ids.map((id, index) => ({
    ...trial,
    id,
    startsAt: at(`2026-03-0${index < 2 ? 1 : 2}T00:00:00Z`),
  }));
  if (!first || !second || !third) throw new Error('there are three');
  const all = [first, second, third];
  const page = pageOfEntitlements(all, { limit: 2 }, now);
  expect(page.entitlements.map(({ entitlement_id: id }) => id)).toEqual([third.id, second.id]);
  const rest = pageOfEntitlements(all, { limit: 2, cursor: page.next_cursor ?? '' }, now);
  expect(rest.entitlements.map(({ entitlement_id: id }) => id)).toEqual([first.id]);
  expect(rest.next_cursor).toBeNull();
  expect(() => pageOfEntitlements(all, { limit: 2, cursor: 'x' }, now)).toThrow();
});

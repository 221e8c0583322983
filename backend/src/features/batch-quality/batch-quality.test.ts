import { batchQualitySchema } from '@aovis/contracts/http/reports';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type BoardFacts, batchQuality } from './batch-quality.ts';

const now = new Date('2026-11-20T12:00:00Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);
const board = (facts: Partial<BoardFacts> = {}): BoardFacts => ({
  handedOver: true,
  inUse: true,
  activated: true,
  lastSeenAt: hoursAgo(1),
  crashedLately: false,
  droppedFragmentsLately: false,
  uplinkBitrateBps: undefined,
  rssiDbm: undefined,
  bootTimeSeconds: undefined,
  ...facts,
});
const quality = (...boards: BoardFacts[]) => batchQuality('b', boards, now);

it('counts what was activated and what survived', () => {
  const boards = [
    board(),
    board({ lastSeenAt: hoursAgo(24 * 8) }),
    board({ inUse: false }),
    board({ lastSeenAt: undefined }),
    board({ activated: false }),
    board({ handedOver: false, activated: false }),
  ];
  expect(quality(...boards)).toMatchObject({
    boards_total: 6,
    boards_handed_over: 5,
    boards_activated: 4,
    boards_surviving: 1,
    activation_rate_percent: 80,
    survival_percent: 25,
  });
});

it.each([
  [{}, 100],
  [{ crashedLately: true }, 66.67],
  [{ crashedLately: true, droppedFragmentsLately: true }, 33.33],
  [{ lastSeenAt: hoursAgo(25) }, 0],
])('gives a board with %j a health of %d', (facts, health) => {
  expect(quality(board(facts)).health_score_percent).toBe(health);
});

it.each([
  [[-80, -80], { mean_dbm: -80, boards_reporting: 2, uniformity_percent: 100 }],
  // Standard deviation 10, mean 80.
  [[-70, -90], { mean_dbm: -80, boards_reporting: 2, uniformity_percent: 87.5 }],
  [[-80], { mean_dbm: -80, boards_reporting: 1, uniformity_percent: null }],
  [[], { mean_dbm: null, boards_reporting: 0, uniformity_percent: null }],
  [[-5, 5], { mean_dbm: 0, boards_reporting: 2, uniformity_percent: null }],
  [[1, 1, 1, 1_000], { mean_dbm: 250.75, boards_reporting: 4, uniformity_percent: 0 }],
])('tells how alike %j are', (values, expected) => {
  expect(quality(...values.map((rssiDbm) => board({ rssiDbm }))).rssi).toEqual(expected);
});

it('divides nothing by nothing', () => {
  const none = { boards_reporting: 0, uniformity_percent: null };
  expect(quality()).toEqual({
    batch_id: 'b',
    as_of: now.toISOString(),
    boards_total: 0,
    boards_handed_over: 0,
    boards_activated: 0,
    boards_surviving: 0,
    activation_rate_percent: null,
    survival_percent: null,
    health_score_percent: null,
    uplink_bitrate: { mean_bps: null, ...none },
    rssi: { mean_dbm: null, ...none },
    boot_time: { mean_seconds: null, ...none },
  });
});

it('fits its contract, whatever boards report', () => {
  const value = fc.option(fc.double({ min: -1e100, max: 1e100, noNaN: true }), { nil: undefined });
  const facts = fc.record({
    handedOver: fc.boolean(),
    inUse: fc.boolean(),
    activated: fc.constant(false),
    lastSeenAt: fc.option(fc.date({ noInvalidDate: true }), { nil: undefined }),
    crashedLately: fc.boolean(),
    droppedFragmentsLately: fc.boolean(),
    uplinkBitrateBps: value,
    rssiDbm: value,
    bootTimeSeconds: value,
  });
  fc.assert(
    fc.property(fc.array(facts), (boards) => {
      expect(batchQualitySchema.safeParse(quality(...boards)).error).toBeUndefined();
    }),
  );
});

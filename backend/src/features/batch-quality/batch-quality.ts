import type { BatchQuality } from '@aovis/contracts/http/reports';

/** One board of a batch, as far as its quality goes. */
export interface BoardFacts {
  handedOver: boolean;
  /** Not revoked or retired. */
  inUse: boolean;
  activated: boolean;
  lastSeenAt: Date | undefined;
  crashedLately: boolean;
  droppedFragmentsLately: boolean;
  /** Means of what it measured last; undefined where it measured nothing. */
  uplinkBitrateBps: number | undefined;
  rssiDbm: number | undefined;
  bootTimeSeconds: number | undefined;
}

export const dayMs = 86_400_000;
const survivingWithinMs = 7 * dayMs;

/** How the boards of a batch fare. Nothing is divided by nothing: there the answer is null. */
export function batchQuality(batchId: string, boards: readonly BoardFacts[], now: Date): BatchQuality {
  const handedOver = boards.filter((board) => board.handedOver).length;
  const activated = boards.filter((board) => board.activated);
  const inUse = activated.filter((board) => board.inUse);
  const surviving = inUse.filter((board) => seenWithin(board, survivingWithinMs, now)).length;
  const { mean: mean_bps, ...bitrate } = spreadOf(boards.map((board) => board.uplinkBitrateBps));
  const { mean: mean_dbm, ...rssi } = spreadOf(boards.map((board) => board.rssiDbm));
  const { mean: mean_seconds, ...bootTime } = spreadOf(boards.map((board) => board.bootTimeSeconds));
  return {
    batch_id: batchId,
    as_of: now.toISOString(),
    boards_total: boards.length,
    boards_handed_over: handedOver,
    boards_activated: activated.length,
    boards_surviving: surviving,
    activation_rate_percent: percentOf(activated.length, handedOver),
    survival_percent: percentOf(surviving, activated.length),
    health_score_percent: rounded(meanOf(inUse.map((board) => healthPercent(board, now)))),
    uplink_bitrate: { mean_bps, ...bitrate },
    rssi: { mean_dbm, ...rssi },
    boot_time: { mean_seconds, ...bootTime },
  };
}

function seenWithin({ lastSeenAt }: BoardFacts, ms: number, now: Date): boolean {
  return lastSeenAt !== undefined && now.getTime() - lastSeenAt.getTime() <= ms;
}

/** What a silent board does not say cannot speak for it. */
function healthPercent(board: BoardFacts, now: Date): number {
  if (!seenWithin(board, dayMs, now)) return 0;
  const passed = 1 + Number(!board.crashedLately) + Number(!board.droppedFragmentsLately);
  return (passed / 3) * 100;
}

interface Spread {
  mean: number | null;
  boards_reporting: number;
  uniformity_percent: number | null;
}

/** The coefficient of variation is the standard deviation over the mean's magnitude: RSSI is negative. */
function spreadOf(values: readonly (number | undefined)[]): Spread {
  const reported = values.filter((value) => value !== undefined);
  const mean = meanOf(reported);
  const uniformity = mean === undefined ? undefined : uniformityPercent(reported, mean);
  return {
    mean: rounded(mean),
    boards_reporting: reported.length,
    uniformity_percent: rounded(uniformity),
  };
}

/** One board is not uniform with anything, and around a mean of 0 every deviation is without measure. */
function uniformityPercent(values: readonly number[], mean: number): number | undefined {
  if (values.length < 2 || mean === 0) return undefined;
  const variance = meanOf(values.map((value) => (value - mean) ** 2)) ?? 0;
  return Math.max(0, 100 - (Math.sqrt(variance) / Math.abs(mean)) * 100);
}

function meanOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percentOf(part: number, whole: number): number | null {
  return whole === 0 ? null : rounded((part / whole) * 100);
}

/** To hundredths. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 100) / 100;
}

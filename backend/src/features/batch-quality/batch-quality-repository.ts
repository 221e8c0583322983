import type { Database } from '../../db/database.ts';
import { type BoardFacts, dayMs } from './batch-quality.ts';

interface Row {
  status: 'planned' | 'provisioned' | 'revoked' | 'retired';
  activated: boolean;
  last_seen_at: Date | null;
  crashed: boolean;
  dropped: boolean | null;
  uplink_bitrate_bps: number | null;
  rssi_dbm: number | null;
  boot_time_seconds: number | null;
}

/** Of each board so many samples of a metric count: the work grows with the boards, not with their age. */
const samplesPerBoard = 20;

export class BatchQualityRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Empty for an unknown batch. */
  async boardsOf(batchId: string, now: Date): Promise<BoardFacts[]> {
    const { rows } = await this.#db.raw<{ rows: Row[] }>(
      `SELECT d.status, d.last_seen_at,
         EXISTS (SELECT FROM device_ownerships o WHERE o.device_id = d.device_id) AS activated,
         EXISTS (SELECT FROM device_events e WHERE e.device_id = d.device_id AND e.type = 'crash'
           AND e.occurred_at >= :since AND e.occurred_at <= :now) AS crashed,
         (SELECT max(value) > min(value) FROM (${lastSamples('dropped_fragments', 'count')}) s) AS dropped,
         (SELECT avg(value) FROM (${lastSamples('uplink_bitrate', 'bps')}) s) AS uplink_bitrate_bps,
         (SELECT avg(value) FROM (${lastSamples('rssi', 'dbm')}) s) AS rssi_dbm,
         (SELECT avg(value) FROM (${lastSamples('boot_time', 'seconds')}) s) AS boot_time_seconds
       FROM devices d WHERE d.batch_id = :batchId`,
      { batchId, now, since: new Date(now.getTime() - dayMs) },
    );
    return rows.map((row) => ({
      handedOver: row.status !== 'planned',
      inUse: row.status === 'provisioned',
      activated: row.activated,
      lastSeenAt: row.last_seen_at ?? undefined,
      crashedLately: row.crashed,
      droppedFragmentsLately: row.dropped ?? false,
      uplinkBitrateBps: row.uplink_bitrate_bps ?? undefined,
      rssiDbm: row.rssi_dbm ?? undefined,
      bootTimeSeconds: row.boot_time_seconds ?? undefined,
    }));
  }
}

/** A board may send any number; sums of these, and their squares, stay within a double. */
function lastSamples(metric: string, unit: string): string {
  return `SELECT least(greatest(value, -1e100), 1e100) AS value FROM (
      SELECT t.value, t.unit FROM device_telemetry t
      WHERE t.device_id = d.device_id AND t.metric = '${metric}' ORDER BY t.at DESC LIMIT ${samplesPerBoard}
    ) last WHERE unit = '${unit}'`;
}

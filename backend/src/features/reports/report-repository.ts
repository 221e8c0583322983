import type { ReportedEvent, ReportedSample, TelemetryBucket } from '@aovis/contracts/http/reports';
import type { Database } from '../../db/database.ts';
import type { Position } from '../../kernel/cursor.ts';
import type { ReportRange } from './report-range.ts';

/** What of a device may be seen, and the page of it. */
export interface ReportQuery {
  deviceId: string;
  range: ReportRange;
  /** What came in before is not shown, whatever time the board gave it. */
  receivedSince: Date;
  after: Position | undefined;
  limit: number;
}

export interface StoredSample extends Omit<ReportedSample, 'at'> {
  id: string;
  at: Date;
}
export type StoredEvent = Omit<ReportedEvent, 'occurred_at' | 'seq'> & { occurred_at: Date; seq: string };
export type StoredBucket = Omit<TelemetryBucket, 'at'> & { at: Date };

/** Newest first. */
export class KnexReportRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async events(
    { deviceId, range, receivedSince, after, limit }: ReportQuery,
    type: string | undefined,
  ): Promise<StoredEvent[]> {
    const query = this.#db('device_events')
      .where({ device_id: deviceId, ...(type !== undefined && { type }) })
      .where('occurred_at', '>=', range.from)
      .where('occurred_at', '<', range.to)
      .where('received_at', '>=', receivedSince);
    if (after) void query.whereRaw('(occurred_at, event_id) < (?, ?)', [after.at, after.key]);
    return query
      .orderByRaw('occurred_at DESC, event_id DESC')
      .limit(limit)
      .select<StoredEvent[]>('event_id', 'type', 'occurred_at', 'seq', 'data');
  }

  async samples(
    { deviceId, range, receivedSince, after, limit }: ReportQuery,
    metric: string | undefined,
  ): Promise<StoredSample[]> {
    const query = this.#db('device_telemetry')
      .where({ device_id: deviceId, ...(metric !== undefined && { metric }) })
      .where('at', '>=', range.from)
      .where('at', '<', range.to)
      .where('received_at', '>=', receivedSince);
    if (after) void query.whereRaw('(at, id) < (?, ?)', [after.at, after.key]);
    return query
      .orderByRaw('at DESC, id DESC')
      .limit(limit)
      .select<StoredSample[]>('id', 'metric', 'value', 'unit', 'at');
  }

  /** By bucket, then unit: a board may have changed the unit of a metric. */
  async buckets(
    { deviceId, range, receivedSince, after, limit }: ReportQuery,
    { metric, seconds }: { metric: string; seconds: number },
  ): Promise<StoredBucket[]> {
    // The bucket of the cursor is counted again whole: another unit of it may be left.
    const to = after && new Date(Math.min(after.at.getTime() + seconds * 1_000, range.to.getTime()));
    const { rows } = await this.#db.raw<{ rows: StoredBucket[] }>(
      // What avg() adds up it squares too (float8_accum), and a board may send any number: 1e308 must not fail the query.
      `SELECT * FROM (
         SELECT date_bin(:seconds * interval '1 s', at, 'epoch') AS at, metric, unit, min(value) AS min,
           avg(least(greatest(value, -1e100), 1e100)) AS avg, max(value) AS max, count(*)::int AS count
         FROM device_telemetry
         WHERE device_id = :deviceId AND metric = :metric AND at >= :from AND at < :to AND received_at >= :receivedSince
         GROUP BY 1, 2, 3) AS bucket
       WHERE CAST(:afterAt AS timestamptz) IS NULL OR (at, unit) < (:afterAt, :afterUnit)
       ORDER BY at DESC, unit DESC LIMIT :limit`,
      {
        deviceId,
        metric,
        seconds,
        from: range.from,
        to: to ?? range.to,
        receivedSince,
        afterAt: after?.at ?? null,
        afterUnit: after?.key ?? null,
        limit,
      },
    );
    return rows;
  }
}

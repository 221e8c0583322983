import type { BoardEvent } from '@aovis/contracts/events';
import type { TelemetryBatch, TelemetrySample } from '@aovis/contracts/telemetry';
import type { Database } from '../../db/database.ts';
import { type PreparedStatement, runPrepared } from '../../db/prepared.ts';
import type { Presence } from './presence-rules.ts';

/** Where messages of boards go. `thing` is always a known device. */
export interface IngestionRepository {
  knows(thing: string): Promise<boolean>;
  /** True when this key is new for the thing; from then on it is not. */
  markIngested(thing: string, dedupKey: string, kind: string, receivedAt: Date): Promise<boolean>;
  insertEvent(thing: string, event: BoardEvent, receivedAt: Date): Promise<void>;
  /**
   * All that a batch which is new leads to, at once and atomic by itself: mark, samples, touch.
   * @returns false when nothing was stored, because the thing is unknown or the key is not new
   */
  storeNewTelemetry(message: TelemetryMessage): Promise<boolean>;
  /** Locks the presence of the thing until the transaction ends. */
  lockPresence(thing: string): Promise<Presence | undefined>;
  storePresence(thing: string, presence: Presence, disconnectReason: string | undefined): Promise<void>;
  /** Moves "last heard of" forward, never back. */
  touch(thing: string, seenAt: Date): Promise<void>;
}

export interface TelemetryMessage {
  thing: string;
  dedupKey: string;
  batch: TelemetryBatch;
  receivedAt: Date;
}

interface PresenceRow {
  device_id: string;
  online: boolean;
  version: string;
  session_id: string;
  changed_at: Date;
}

/** What every message of a board runs. */
const statements = {
  knows: { name: 'knows-device', text: 'SELECT device_id FROM devices WHERE device_id = $1' },
  mark: {
    name: 'mark-ingested',
    text: `INSERT INTO ingested_messages (device_id, event_id, kind, received_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (device_id, event_id) DO NOTHING RETURNING event_id`,
  },
  touch: {
    name: 'touch-device',
    text: `UPDATE devices SET last_seen_at = $2
           WHERE device_id = $1 AND (last_seen_at IS NULL OR last_seen_at < $3)`,
  },
  storeNewTelemetry: {
    name: 'store-new-telemetry',
    text: `WITH marked AS (
             INSERT INTO ingested_messages (device_id, event_id, kind, received_at)
             SELECT device_id, $2, 'telemetry', $4 FROM devices WHERE device_id = $1
             ON CONFLICT (device_id, event_id) DO NOTHING RETURNING device_id
           ), samples AS (
             INSERT INTO device_telemetry (device_id, event_id, metric, value, unit, at, received_at)
             SELECT marked.device_id, $3, sample.*, $4
             FROM marked, unnest($6::text[], $7::float8[], $8::text[], $9::timestamptz[]) AS sample
           ), touched AS (
             UPDATE devices SET last_seen_at = $4 FROM marked
             WHERE devices.device_id = marked.device_id AND (last_seen_at IS NULL OR last_seen_at < $5)
           )
           SELECT device_id FROM marked`,
  },
} satisfies Record<string, PreparedStatement>;

export class KnexIngestionRepository implements IngestionRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async knows(thing: string): Promise<boolean> {
    return (await runPrepared(this.#db, statements.knows, [thing])).length === 1;
  }

  async markIngested(thing: string, dedupKey: string, kind: string, receivedAt: Date): Promise<boolean> {
    const inserted = await runPrepared(this.#db, statements.mark, [thing, dedupKey, kind, receivedAt]);
    return inserted.length === 1;
  }

  async insertEvent(thing: string, event: BoardEvent, receivedAt: Date): Promise<void> {
    await this.#db('device_events').insert({
      device_id: thing,
      event_id: event.event_id,
      type: event.type,
      occurred_at: new Date(event.occurred_at),
      seq: event.seq,
      data: JSON.stringify(event.data),
      received_at: receivedAt,
    });
  }

  async storeNewTelemetry({ thing, dedupKey, batch, receivedAt }: TelemetryMessage): Promise<boolean> {
    const stored = await runPrepared(this.#db, statements.storeNewTelemetry, [
      thing,
      dedupKey,
      batch.event_id,
      receivedAt,
      staleBefore(receivedAt),
      ...columnsOf(batch.samples),
    ]);
    return stored.length === 1;
  }

  async lockPresence(thing: string): Promise<Presence | undefined> {
    // The device's row is locked, since the presence may have none yet.
    await this.#db('devices').where({ device_id: thing }).forNoKeyUpdate().select('device_id');
    const row = await this.#db<PresenceRow>('device_presence').where({ device_id: thing }).first();
    return (
      row && {
        online: row.online,
        sessionId: row.session_id,
        version: Number(row.version),
        atMs: row.changed_at.getTime(),
      }
    );
  }

  async storePresence(
    thing: string,
    { online, sessionId, version, atMs }: Presence,
    disconnectReason: string | undefined,
  ): Promise<void> {
    await this.#db('device_presence')
      .insert({
        device_id: thing,
        online,
        session_id: sessionId,
        version,
        changed_at: new Date(atMs),
        disconnect_reason: disconnectReason ?? null,
      })
      .onConflict('device_id')
      .merge();
  }

  async touch(thing: string, seenAt: Date): Promise<void> {
    await runPrepared(this.#db, statements.touch, [thing, seenAt, staleBefore(seenAt)]);
  }
}

/** Boards may talk many times a second; half a minute is exact enough for a person. */
export const touchEveryMs = 30_000;

const staleBefore = (seenAt: Date): Date => new Date(seenAt.getTime() - touchEveryMs);

/** Metric, value, unit and time, each as an array for `unnest`. */
function columnsOf(samples: readonly TelemetrySample[]): unknown[][] {
  return [
    samples.map(({ metric }) => metric),
    samples.map(({ value }) => value),
    samples.map(({ unit }) => unit),
    samples.map(({ at }) => new Date(at)),
  ];
}

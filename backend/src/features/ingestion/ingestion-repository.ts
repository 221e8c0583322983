import type { BoardEvent } from '@aovis/contracts/events';
import type { TelemetryBatch } from '@aovis/contracts/telemetry';
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
   * All that batches which are new lead to, at once and atomic by itself: mark, samples, touch.
   * @returns for each whether it was stored; not so when the thing is unknown or the key is not new
   */
  storeNewTelemetry(messages: readonly TelemetryMessage[]): Promise<boolean[]>;
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

interface StoredKey {
  device_id: string;
  event_id: string;
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
  // Marks go in by order of their key, and devices that somebody else is changing are not waited for (the next message
  // touches them): so instances that store many at once never wait for each other in a circle.
  storeNewTelemetry: {
    name: 'store-new-telemetry',
    text: `WITH marked AS (
             INSERT INTO ingested_messages (device_id, event_id, kind, received_at)
             SELECT message.* FROM (
               SELECT thing, key, 'telemetry', received_at
               FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS message (thing, key, received_at)
               WHERE EXISTS (SELECT FROM devices WHERE device_id = thing)
               ORDER BY thing, key
             ) AS message
             ON CONFLICT (device_id, event_id) DO NOTHING RETURNING device_id, event_id, received_at
           ), samples AS (
             INSERT INTO device_telemetry (device_id, event_id, metric, value, unit, at, received_at)
             SELECT device_id, sample.event_id, metric, value, unit, at, received_at
             FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::float8[], $9::text[], $10::timestamptz[])
               AS sample (thing, key, event_id, metric, value, unit, at)
             JOIN marked ON marked.device_id = thing AND marked.event_id = key
           ), newest AS (
             SELECT device_id, max(received_at) AS seen_at FROM marked GROUP BY device_id
           ), stale AS (
             SELECT device_id, seen_at FROM devices JOIN newest USING (device_id)
             WHERE last_seen_at IS NULL OR last_seen_at < seen_at - $11::interval
             FOR NO KEY UPDATE OF devices SKIP LOCKED
           ), touched AS (
             UPDATE devices SET last_seen_at = seen_at FROM stale WHERE devices.device_id = stale.device_id
           )
           SELECT device_id, event_id FROM marked`,
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

  async storeNewTelemetry(messages: readonly TelemetryMessage[]): Promise<boolean[]> {
    const byKey = new Map<string, TelemetryMessage>();
    for (const message of messages) if (!byKey.has(keyOf(message))) byKey.set(keyOf(message), message);
    const single = [...byKey.values()];
    const stored = await runPrepared<StoredKey>(this.#db, statements.storeNewTelemetry, [
      single.map(({ thing }) => thing),
      single.map(({ dedupKey }) => dedupKey),
      single.map(({ receivedAt }) => receivedAt),
      ...sampleColumns(single),
      `${touchEveryMs} ms`,
    ]);
    const storedKeys = new Set(stored.map(({ device_id, event_id }) => `${device_id} ${event_id}`));
    return messages.map((message) => {
      const key = keyOf(message);
      return byKey.get(key) === message && storedKeys.has(key);
    });
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
    const staleBefore = new Date(seenAt.getTime() - touchEveryMs);
    await runPrepared(this.#db, statements.touch, [thing, seenAt, staleBefore]);
  }
}

/** Boards may talk many times a second; half a minute is exact enough for a person. */
export const touchEveryMs = 30_000;

function keyOf({ thing, dedupKey }: TelemetryMessage): string {
  return `${thing} ${dedupKey}`;
}

/** All samples of all messages, each field as an array for `unnest`. */
function sampleColumns(messages: readonly TelemetryMessage[]): unknown[][] {
  const rows = messages.flatMap(({ thing, dedupKey, batch: { event_id, samples } }) =>
    samples.map(({ metric, value, unit, at }) => [
      thing,
      dedupKey,
      event_id,
      metric,
      value,
      unit,
      new Date(at),
    ]),
  );
  return Array.from({ length: 7 }, (_, column) => rows.map((row) => row[column]));
}

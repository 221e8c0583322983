import type { BoardEvent } from '@aovis/contracts/events';
import type { TelemetryBatch } from '@aovis/contracts/telemetry';
import type { Database } from '../../db/database.ts';
import type { Presence } from './presence-rules.ts';

/** Where messages of boards go. `thing` is always a known device. */
export interface IngestionRepository {
  knows(thing: string): Promise<boolean>;
  /** True when this key is new for the thing; from then on it is not. */
  markIngested(thing: string, dedupKey: string, kind: string, receivedAt: Date): Promise<boolean>;
  insertEvent(thing: string, event: BoardEvent, receivedAt: Date): Promise<void>;
  insertTelemetry(thing: string, batch: TelemetryBatch, receivedAt: Date): Promise<void>;
  /** Locks the presence of the thing until the transaction ends. */
  lockPresence(thing: string): Promise<Presence | undefined>;
  storePresence(thing: string, presence: Presence, disconnectReason: string | undefined): Promise<void>;
  /** Moves "last heard of" forward, never back. */
  touch(thing: string, seenAt: Date): Promise<void>;
}

interface PresenceRow {
  device_id: string;
  online: boolean;
  version: string;
  session_id: string;
  changed_at: Date;
}

export class KnexIngestionRepository implements IngestionRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async knows(thing: string): Promise<boolean> {
    const row = await this.#db('devices').where({ device_id: thing }).first<object | undefined>('device_id');
    return row !== undefined;
  }

  async markIngested(thing: string, dedupKey: string, kind: string, receivedAt: Date): Promise<boolean> {
    const inserted = await this.#db('ingested_messages')
      .insert({ device_id: thing, event_id: dedupKey, kind, received_at: receivedAt })
      .onConflict(['device_id', 'event_id'])
      .ignore()
      .returning<object[]>('event_id');
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

  async insertTelemetry(
    thing: string,
    { event_id, samples }: TelemetryBatch,
    receivedAt: Date,
  ): Promise<void> {
    await this.#db('device_telemetry').insert(
      samples.map(({ metric, value, unit, at }) => ({
        device_id: thing,
        event_id,
        metric,
        value,
        unit,
        at: new Date(at),
        received_at: receivedAt,
      })),
    );
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
    await this.#db('devices')
      .where({ device_id: thing })
      // Boards may talk many times a second; half a minute is exact enough for a person.
      .whereRaw('(last_seen_at IS NULL OR last_seen_at < ?)', [new Date(seenAt.getTime() - touchEveryMs)])
      .update({ last_seen_at: seenAt });
  }
}

export const touchEveryMs = 30_000;

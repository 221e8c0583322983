import { randomUUID } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Table } from '../kernel/store.ts';
import type { MessageBus } from './message.ts';

/** AWS IoT Developer Guide, "Lifecycle events": every reason but the client's own publishes its last will. */
export type DisconnectReason =
  | 'API_INITIATED_DISCONNECT'
  | 'AUTH_ERROR'
  | 'CLIENT_ERROR'
  | 'CLIENT_INITIATED_DISCONNECT'
  | 'CONNECTION_LOST'
  | 'DUPLICATE_CLIENTID'
  | 'MQTT_KEEP_ALIVE_TIMEOUT'
  | 'SERVER_ERROR'
  | 'SERVER_INITIATED_DISCONNECT';

/** A client's connection, or the last one it had. Times in milliseconds since the epoch. */
export interface PresenceRecord {
  clientId: string;
  sessionIdentifier: string;
  versionNumber: number;
  certificateId: string;
  thingName?: string;
  cleanSession: boolean;
  keepAliveSeconds: number;
  sourceIp: string;
  sourcePort: number;
  targetPort: number;
  connectedAt: number;
  disconnectedAt?: number;
  disconnectReason?: DisconnectReason;
}

export type NewConnection = Omit<
  PresenceRecord,
  'sessionIdentifier' | 'versionNumber' | 'connectedAt' | 'disconnectedAt' | 'disconnectReason'
> & {
  /** Named in events only where the certificate is the thing's alone. */
  exclusiveThingName: string | undefined;
};

/** The version number of a client starts over when it was away for this long. */
const versionMemoryMs = 3_600_000;

/** Who is connected; publishes the lifecycle events and numbers connections. */
export class Presence {
  readonly #records: Table<PresenceRecord & { exclusiveThingName?: string }>;
  readonly #clock: Clock;
  readonly #bus: MessageBus;

  constructor(records: Table<PresenceRecord>, clock: Clock, bus: MessageBus) {
    this.#records = records;
    this.#clock = clock;
    this.#bus = bus;
  }

  /** Ends the connections that an earlier run left open when it was killed. */
  open(): void {
    for (const record of this.#records.values()) {
      if (record.disconnectedAt === undefined) {
        this.disconnected(record.clientId, record.sessionIdentifier, 'SERVER_ERROR');
      }
    }
  }

  /** Returns the connection's session identifier. */
  connected({ exclusiveThingName, ...connection }: NewConnection): string {
    const now = this.#clock.now();
    const last = this.#records.get(connection.clientId);
    const recent =
      last !== undefined &&
      (last.disconnectedAt === undefined || now - last.disconnectedAt < versionMemoryMs);
    const record = {
      ...connection,
      ...(exclusiveThingName === undefined ? {} : { exclusiveThingName }),
      sessionIdentifier: randomUUID(),
      versionNumber: recent ? last.versionNumber + 1 : 0,
      connectedAt: now,
    };
    this.#records.put(record.clientId, record);
    this.#publish('connected', { ...eventOf(record, now), ipAddress: record.sourceIp });
    return record.sessionIdentifier;
  }

  /** Does nothing when a newer connection of this client has begun and ended meanwhile. */
  disconnected(clientId: string, sessionIdentifier: string, reason: DisconnectReason): void {
    const record = this.#records.get(clientId);
    if (record?.sessionIdentifier !== sessionIdentifier) return;
    const now = this.#clock.now();
    this.#records.put(clientId, { ...record, disconnectedAt: now, disconnectReason: reason });
    this.#publish('disconnected', {
      ...eventOf(record, now),
      clientInitiatedDisconnect: reason === 'CLIENT_INITIATED_DISCONNECT',
      disconnectReason: reason,
    });
  }

  /** A CONNECT that no policy allowed. */
  refused(clientId: string, certificateId: string, ipAddress: string): void {
    this.#publish('connect_failed', {
      clientId,
      timestamp: this.#clock.now(),
      eventType: 'connect_failed',
      principalIdentifier: certificateId,
      ipAddress,
      connectFailureReason: 'AUTHORIZATION_FAILED',
    });
  }

  find(clientId: string): PresenceRecord | undefined {
    return this.#records.get(clientId);
  }

  /** Forgets clients that have been away so long that their numbering starts over. */
  sweep(): void {
    const now = this.#clock.now();
    for (const { clientId, disconnectedAt } of this.#records.values()) {
      if (disconnectedAt !== undefined && now - disconnectedAt >= versionMemoryMs)
        this.#records.delete(clientId);
    }
  }

  #publish(type: string, event: LifecycleEvent): void {
    // Such a client id makes no topic; AWS IoT has no lifecycle events for it.
    if (/[+#]/.test(event.clientId)) return;
    this.#bus.publish({
      topic: `$aws/events/presence/${type}/${event.clientId}`,
      payload: JSON.stringify({ ...event, eventType: type }),
      qos: 1,
    });
  }
}

type LifecycleEvent = Record<string, unknown> & { clientId: string };

function eventOf(
  record: PresenceRecord & { exclusiveThingName?: string },
  timestamp: number,
): LifecycleEvent {
  const { clientId, exclusiveThingName, sessionIdentifier, certificateId, versionNumber } = record;
  return {
    clientId,
    ...(exclusiveThingName === undefined ? {} : { thingName: exclusiveThingName }),
    timestamp,
    sessionIdentifier,
    principalIdentifier: certificateId,
    versionNumber,
  };
}

import type { Clock } from '../kernel/clock.ts';
import type { Store, Table } from '../kernel/store.ts';
import { TopicFilterTree } from './topic-filter-tree.ts';

interface StoredSession {
  /** Maximum QoS by topic filter. */
  subscriptions: Record<string, 0 | 1>;
  /** Milliseconds since the epoch; undefined while the client is connected. */
  disconnectedAt?: number | undefined;
}

interface StoredDelivery {
  topic: string;
  /** Base64. */
  payload: string;
}

/** A QoS 1 message that a persistent session has not acknowledged. */
export interface Delivery {
  /** The broker's number of the message, ascending. */
  sequence: number;
  topic: string;
  payload: Buffer;
  /** Packet identifier of this connection's delivery; undefined while it waits. */
  messageId: number | undefined;
  /** It went out on an earlier connection already. */
  dup: boolean;
}

export interface RetainedMessage {
  topic: string;
  payload: Buffer;
  qos: 0 | 1;
  /** Milliseconds since the epoch. */
  storedAt: number;
}

/** Bounds the memory that boards which never come back can take; AWS bounds by time alone. The oldest goes first. */
const maxDeliveriesPerSession = 10_000;

/**
 * Persistent sessions (`cleanSession` 0) with their subscriptions and unacknowledged QoS 1 messages, and retained
 * messages: all of it on disk, so that a broker that is killed and started again knows its sessions.
 */
export class SessionStore {
  readonly #sessions: Table<StoredSession>;
  readonly #queue: Table<StoredDelivery>;
  readonly #retained: Table<{ payload: string; qos: 0 | 1; storedAt: number }>;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #expiryMs: number;
  readonly #deliveries = new Map<string, Map<number, Delivery>>();
  readonly #subscribers = new TopicFilterTree<string>();

  constructor(store: Store, clock: Clock, expirySeconds: number) {
    this.#store = store;
    this.#clock = clock;
    this.#expiryMs = expirySeconds * 1000;
    this.#sessions = store.table('iot-broker.sessions');
    this.#queue = store.table('iot-broker.queue');
    this.#retained = store.table('iot-broker.retained');
  }

  /** Reads what an earlier run left; its connections are over. Returns the highest message number in use. */
  open(): number {
    let highest = 0;
    for (const [key, { topic, payload }] of this.#queue.entries()) {
      const [clientId, sequence] = splitKey(key);
      highest = Math.max(highest, sequence);
      this.#deliveriesOf(clientId).set(sequence, {
        sequence,
        topic,
        payload: Buffer.from(payload, 'base64'),
        messageId: undefined,
        dup: true,
      });
    }
    for (const [clientId, session] of this.#sessions.entries()) {
      for (const [filter, qos] of Object.entries(session.subscriptions)) {
        if (qos > 0) this.#subscribers.add(filter, clientId);
      }
      if (session.disconnectedAt === undefined) this.disconnected(clientId);
    }
    return highest;
  }

  /** The store was emptied. */
  reset(): void {
    this.#deliveries.clear();
    this.#subscribers.clear();
  }

  /** A client with a persistent session has connected: its session goes on, or begins [MQTT-3.1.2-4, MQTT-3.1.2-5]. */
  resume(clientId: string): void {
    const { subscriptions } = this.#live(clientId) ?? { subscriptions: {} };
    this.#sessions.put(clientId, { subscriptions });
    for (const delivery of this.#deliveries.get(clientId)?.values() ?? []) {
      if (delivery.messageId !== undefined) delivery.dup = true;
      delivery.messageId = undefined;
    }
  }

  /** From now on the session's expiry runs. */
  disconnected(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session !== undefined)
      this.#sessions.put(clientId, { ...session, disconnectedAt: this.#clock.now() });
  }

  end(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    this.#store.transaction(() => {
      for (const filter of Object.keys(session.subscriptions)) this.#subscribers.remove(filter, clientId);
      for (const sequence of this.#deliveries.get(clientId)?.keys() ?? [])
        this.#queue.delete(keyOf(clientId, sequence));
      this.#deliveries.delete(clientId);
      this.#sessions.delete(clientId);
    });
  }

  /** Ends every session whose client has been away for longer than the expiry. */
  sweep(): void {
    for (const [clientId] of this.#sessions.entries()) this.#live(clientId);
  }

  subscriptionsOf(clientId: string): Record<string, 0 | 1> | undefined {
    return this.#live(clientId)?.subscriptions;
  }

  subscribe(clientId: string, subscriptions: readonly { topic: string; qos: number }[]): void {
    const session = this.#live(clientId) ?? { subscriptions: {} };
    const changed = Object.fromEntries(
      subscriptions.map(({ topic, qos }) => [topic, qos > 0 ? (1 as const) : (0 as const)]),
    );
    for (const [filter, qos] of Object.entries(changed)) {
      if (qos > 0) this.#subscribers.add(filter, clientId);
      else this.#subscribers.remove(filter, clientId);
    }
    this.#sessions.put(clientId, {
      ...session,
      subscriptions: { ...session.subscriptions, ...changed },
    });
  }

  unsubscribe(clientId: string, filters: readonly string[]): void {
    const session = this.#live(clientId);
    if (session === undefined) return;
    for (const filter of filters) this.#subscribers.remove(filter, clientId);
    this.#sessions.put(clientId, {
      ...session,
      subscriptions: Object.fromEntries(
        Object.entries(session.subscriptions).filter(([filter]) => !filters.includes(filter)),
      ),
    });
  }

  /** Keeps a QoS 1 message for every persistent session that subscribes to its topic. */
  enqueueForSubscribers(message: { sequence: number; topic: string; payload: Buffer }): void {
    for (const clientId of this.#subscribers.match(message.topic)) {
      if (this.#live(clientId) !== undefined) this.enqueue(clientId, message);
    }
  }

  enqueue(clientId: string, message: { sequence: number; topic: string; payload: Buffer }): void {
    const { sequence, topic, payload } = message;
    const deliveries = this.#deliveriesOf(clientId);
    deliveries.set(sequence, { sequence, topic, payload, messageId: undefined, dup: false });
    this.#queue.put(keyOf(clientId, sequence), { topic, payload: payload.toString('base64') });
    if (deliveries.size <= maxDeliveriesPerSession) return;
    const [oldest] = deliveries.keys();
    if (oldest !== undefined) this.drop(clientId, oldest);
  }

  /** Notes under which packet identifier the message went out. */
  sent(clientId: string, sequence: number, messageId: number): void {
    const delivery = this.#deliveries.get(clientId)?.get(sequence);
    if (delivery !== undefined) delivery.messageId = messageId;
  }

  /** The client acknowledged: the message leaves the queue. */
  acknowledged(clientId: string, messageId: number): void {
    for (const delivery of this.#deliveries.get(clientId)?.values() ?? []) {
      if (delivery.messageId !== messageId) continue;
      this.drop(clientId, delivery.sequence);
      return;
    }
  }

  drop(clientId: string, sequence: number): void {
    const deliveries = this.#deliveries.get(clientId);
    if (deliveries?.delete(sequence) !== true) return;
    if (deliveries.size === 0) this.#deliveries.delete(clientId);
    this.#queue.delete(keyOf(clientId, sequence));
  }

  /** What waits for the client, oldest first. */
  waiting(clientId: string): Delivery[] {
    return [...(this.#deliveries.get(clientId)?.values() ?? [])].filter(
      ({ messageId }) => messageId === undefined,
    );
  }

  /** An empty payload deletes the retained message [MQTT-3.3.1-10]. */
  retain(topic: string, payload: Buffer, qos: 0 | 1): void {
    if (payload.length === 0) this.#retained.delete(topic);
    else this.#retained.put(topic, { payload: payload.toString('base64'), qos, storedAt: this.#clock.now() });
  }

  findRetained(topic: string): RetainedMessage | undefined {
    const stored = this.#retained.get(topic);
    return stored && { ...stored, topic, payload: Buffer.from(stored.payload, 'base64') };
  }

  retainedTopics(): string[] {
    return [...this.#retained.entries()].map(([topic]) => topic).sort();
  }

  #live(clientId: string): StoredSession | undefined {
    const session = this.#sessions.get(clientId);
    if (session?.disconnectedAt === undefined) return session;
    if (this.#clock.now() - session.disconnectedAt < this.#expiryMs) return session;
    this.end(clientId);
    return undefined;
  }

  #deliveriesOf(clientId: string): Map<number, Delivery> {
    const existing = this.#deliveries.get(clientId);
    if (existing !== undefined) return existing;
    const made = new Map<number, Delivery>();
    this.#deliveries.set(clientId, made);
    return made;
  }
}

const sequenceDigits = 16;

/** Sequences come first and padded, so that the keys' order is the messages' order. */
function keyOf(clientId: string, sequence: number): string {
  return `${String(sequence).padStart(sequenceDigits, '0')}/${clientId}`;
}

function splitKey(key: string): [clientId: string, sequence: number] {
  return [key.slice(sequenceDigits + 1), Number(key.slice(0, sequenceDigits))];
}

import type { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { Aedes, type AedesOptions, type AedesPublishPacket, type Client, type PublishPacket } from 'aedes';
import type { Message } from './message.ts';
import type { SessionStore } from './session-store.ts';
import { TopicFilterTree } from './topic-filter-tree.ts';

/** What aedes asks before it does something for a client. */
export type EngineHooks = Required<
  Pick<
    AedesOptions,
    'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
  >
>;

/**
 * The MQTT engine: aedes 1.2.0 keeps the protocol (packets, handshake, keep-alive, delivery), while routing, matching,
 * sessions and retained messages are ours, because AWS IoT differs from the MQTT specification there. This is the only
 * file that knows members of aedes which its types do not show; the version is pinned for that.
 */
export class Engine extends Aedes {
  declare readonly clients: Record<string, EngineClient | undefined>;
  declare counter: number;
  declare private readonly deleteClient: (clientId: string) => void;
  readonly #sessions: SessionStore;
  readonly #router: Router;
  readonly #onRouted: (message: Message) => void;
  readonly #discarded = new WeakSet<PublishPacket>();

  constructor(sessions: SessionStore, onRouted: (message: Message) => void) {
    const router = new Router();
    super({
      mq: router,
      persistence: new Persistence(sessions),
      connectTimeout: 10_000,
      // Nobody listens to aedes's own heartbeat.
      heartbeatInterval: 3_600_000,
      // A client that does not read for this long is cut off, so that it cannot fill our memory.
      drainTimeout: 10_000,
    });
    this.#sessions = sessions;
    this.#router = router;
    this.#onRouted = onRouted;
  }

  /** Says who answers what aedes asks about clients and packets; before the first client. */
  use(hooks: EngineHooks): void {
    Object.assign(this, {
      ...hooks,
      authorizeSubscribe: (client, subscription, done) => {
        if (subscription.topic === sessionMarker) done(null, null);
        else hooks.authorizeSubscribe(client, subscription, done);
      },
    } satisfies EngineHooks);
  }

  /** Message numbers go on where an earlier run stopped: they are the keys of the stored queues. */
  override async listen(): Promise<void> {
    this.counter = this.#sessions.open();
    await super.listen();
  }

  /** aedes will not route this packet of a client. With QoS 0 set on it, it is not acknowledged either. */
  discard(packet: PublishPacket): void {
    this.#discarded.add(packet);
  }

  /** Called by aedes with a client's packet, once it was authorised (and acknowledged). */
  override publish(
    packet: PublishPacket,
    clientOrDone: Client | null | ((error?: Error) => void),
    done?: (error?: Error) => void,
  ): void {
    const [client, callback] =
      typeof clientOrDone === 'function' ? [null, clientOrDone] : [clientOrDone, done];
    if (!packet.topic.startsWith('$SYS/') && !this.#discarded.has(packet)) {
      this.route({
        topic: packet.topic,
        payload: Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload),
        qos: packet.qos > 0 ? 1 : 0,
        retain: packet.retain,
        clientId: client?.id,
      });
    }
    callback?.();
  }

  /**
   * Stores, queues and delivers, all in one go: deliveries leave in the order in which messages arrive, which aedes's
   * suppression of duplicates relies on.
   */
  route(message: Message): void {
    const { topic, payload, qos, retain } = message;
    const sequence = ++this.counter;
    if (retain) this.#sessions.retain(topic, payload, qos);
    if (qos > 0) this.#sessions.enqueueForSubscribers({ sequence, topic, payload });
    this.#router.deliver(packetOf(this.id, sequence, message));
    this.#onRouted(message);
  }

  /** Sends what waits in the session, one message at a time as `pace` resolves, until the client is gone. */
  async replay(client: EngineClient, pace: () => Promise<void>): Promise<void> {
    for (const { sequence, topic, payload, dup } of this.#sessions.waiting(client.id)) {
      await pace();
      if (client.closed) return;
      const packet = { ...packetOf('replay', sequence, { topic, payload, qos: 1, retain: false }), dup };
      await new Promise<void>((resolve) => {
        client.deliverQoS(packet, resolve);
      });
    }
  }

  /** Delivers a message to one client, under a new number. Returns that number. */
  redeliver(client: EngineClient, message: Message, onNumbered: (sequence: number) => void): void {
    const sequence = ++this.counter;
    if (client.closed) {
      if (!client.clean && message.qos > 0) this.#sessions.enqueue(client.id, { sequence, ...message });
      return;
    }
    onNumbered(sequence);
    client.publish(packetOf(this.id, sequence, message), () => undefined);
  }

  /** aedes forgets the client id here even when a newer connection has taken it over. */
  unregisterClient(client: EngineClient): void {
    if (this.clients[client.id] === client) this.deleteClient(client.id);
    this.emit('clientDisconnect', client);
  }

  /** Ends when every connection has. */
  async shutDown(): Promise<void> {
    await new Promise<void>((resolve) => this.close(resolve));
  }
}

/** A client as aedes 1.2.0 has it. */
export interface EngineClient extends Client {
  readonly connackSent: boolean;
  readonly errored: boolean;
  /** The client said DISCONNECT. */
  readonly _disconnected: boolean;
  readonly _parser: EventEmitter;
  readonly subscriptions: Record<string, { qos: number } | undefined>;
  will: PublishPacket | null;
  deliverQoS(packet: AedesPublishPacket, done: () => void): void;
}

export function asEngineClient(client: Client): EngineClient {
  return client as EngineClient;
}

function packetOf(
  brokerId: string,
  brokerCounter: number,
  message: Omit<Message, 'clientId'>,
): AedesPublishPacket {
  const { topic, payload, qos, retain } = message;
  return { cmd: 'publish', brokerId, brokerCounter, topic, payload, qos, retain, dup: false };
}

type Deliver = (packet: AedesPublishPacket, done: () => void) => void;

/** Stands where aedes expects an mqemitter. Nobody waits for slow receivers: `drainTimeout` deals with them. */
class Router {
  readonly #subscribers = new TopicFilterTree<Deliver>();

  on(filter: string, deliver: Deliver, done?: () => void): void {
    this.#subscribers.add(filter, deliver);
    if (done !== undefined) setImmediate(done);
  }

  removeListener(filter: string, deliver: Deliver, done?: () => void): void {
    this.#subscribers.remove(filter, deliver);
    if (done !== undefined) setImmediate(done);
  }

  deliver(packet: AedesPublishPacket): void {
    for (const deliver of this.#subscribers.match(packet.topic)) deliver(packet, () => undefined);
  }

  close(done: () => void): void {
    setImmediate(done);
  }
}

/**
 * Stands for a session without subscriptions, which aedes would otherwise report as not present [MQTT-3.2.2-2]. No
 * client can subscribe to it: a topic filter holds no null character [MQTT-1.5.3-2].
 */
const sessionMarker = '\0session';

interface QueuedPacket extends AedesPublishPacket {
  payload: Buffer;
}

/** What aedes asks of a persistence, answered from the SessionStore. Every method is asynchronous by its contract. */
class Persistence {
  readonly #sessions: SessionStore;

  constructor(sessions: SessionStore) {
    this.#sessions = sessions;
  }

  async setup(): Promise<void> {}

  /** Only for a filter that is a topic: wildcard subscriptions get no retained messages from AWS IoT. */
  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(
      filters
        .map((filter) => this.#sessions.findRetained(filter))
        .filter((message) => message !== undefined)
        .map(({ topic, payload, qos }) => ({ cmd: 'publish', topic, payload, qos })),
    );
  }

  async addSubscriptions(
    client: { id: string },
    subscriptions: { topic: string; qos: number }[],
  ): Promise<void> {
    this.#sessions.subscribe(client.id, subscriptions);
  }

  async removeSubscriptions(client: { id: string }, filters: string[]): Promise<void> {
    this.#sessions.unsubscribe(client.id, filters);
  }

  async subscriptionsByClient(client: { id: string }): Promise<{ topic: string; qos: number }[]> {
    const subscriptions = this.#sessions.subscriptionsOf(client.id);
    if (subscriptions === undefined) return [];
    const stored = Object.entries(subscriptions).map(([topic, qos]) => ({ topic, qos }));
    return stored.length > 0 ? stored : [{ topic: sessionMarker, qos: 0 }];
  }

  async cleanSubscriptions(client: { id: string }): Promise<void> {
    this.#sessions.end(client.id);
  }

  async outgoingEnqueue({ clientId }: { clientId: string }, packet: QueuedPacket): Promise<void> {
    const { brokerCounter: sequence, topic, payload } = packet;
    this.#sessions.enqueue(clientId, { sequence, topic, payload });
  }

  async outgoingUpdate(client: { id: string }, packet: AedesPublishPacket): Promise<void> {
    if (packet.messageId !== undefined)
      this.#sessions.sent(client.id, packet.brokerCounter, packet.messageId);
  }

  async outgoingClearMessageId<T extends { messageId?: number }>(
    client: { id: string },
    packet: T,
  ): Promise<T> {
    if (packet.messageId !== undefined) this.#sessions.acknowledged(client.id, packet.messageId);
    return packet;
  }

  /** Empty: aedes would send it in one burst during the handshake. `Engine.replay` does it after. */
  outgoingStream(): Readable {
    return Readable.from([]);
  }

  async incomingGetPacket(): Promise<never> {
    throw new Error('There is no QoS 2 here');
  }

  // Wills live with their connection; there is no other broker that could publish them.
  async putWill(): Promise<void> {}
  async delWill(): Promise<void> {}
  streamWill(): Readable {
    return Readable.from([]);
  }
}

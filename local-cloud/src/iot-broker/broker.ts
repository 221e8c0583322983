import type { Registry } from '../iot-core/registry.ts';
import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { adminRoutes } from './admin-routes.ts';
import { Engine } from './aedes-engine.ts';
import { type BrokerOptions, defaultBrokerOptions } from './broker-options.ts';
import type { BrokerParts } from './broker-parts.ts';
import { ConnectHooks } from './connect-hooks.ts';
import { ConnectionLife } from './connection-life.ts';
import { Connections } from './connections.ts';
import { EventForwarder } from './event-forwarder.ts';
import { Gatekeeper } from './gatekeeper.ts';
import type { Message, MessageBus } from './message.ts';
import { PacketHooks } from './packet-hooks.ts';
import { Presence, type PresenceRecord } from './presence.ts';
import { RegistryWatch } from './registry-watch.ts';
import { SessionStore } from './session-store.ts';
import { TlsListener } from './tls-listener.ts';

const sweepEveryMs = 60_000;

/** AWS IoT's message broker: MQTT 3.1.1 over mutual TLS, registry and policies behind it. */
export class Broker implements Service, MessageBus {
  readonly name = 'iot-broker';
  readonly adminRoutes: readonly AdminRoute[];
  readonly sessions: SessionStore;
  readonly #environment: Environment;
  readonly #options: BrokerOptions;
  readonly #engine: Engine;
  readonly #presence: Presence;
  readonly #connections = new Connections();
  readonly #life: ConnectionLife;
  readonly #registryWatch: RegistryWatch;
  readonly #forwarder: EventForwarder;
  readonly #taps = new Set<(message: Message) => void>();
  #listener: TlsListener | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #port = 0;

  constructor(environment: Environment, registry: Registry, options: Partial<BrokerOptions> = {}) {
    this.#environment = environment;
    this.#options = { ...defaultBrokerOptions, ...options };
    const { store, clock } = environment;
    this.sessions = new SessionStore(store, clock, this.#options.sessionExpirySeconds);
    this.#engine = new Engine(this.sessions, (message) => this.#tell(message));
    this.#presence = new Presence(store.table('iot-broker.presence'), clock, this);
    const parts: BrokerParts = {
      environment,
      registry,
      options: this.#options,
      engine: this.#engine,
      sessions: this.sessions,
      gatekeeper: new Gatekeeper(environment, registry, this.#options.keepAlive),
      presence: this.#presence,
      connections: this.#connections,
    };
    const packetHooks = new PacketHooks(parts);
    this.#engine.use({ ...new ConnectHooks(parts).asOptions(), ...packetHooks.asOptions() });
    this.#registryWatch = new RegistryWatch({ ...parts, bus: this });
    this.#life = new ConnectionLife(parts, packetHooks, this.#registryWatch);
    this.#life.attach();
    this.#forwarder = new EventForwarder(environment);
    this.#forwarder.attach(this);
    this.adminRoutes = [...adminRoutes(this), ...this.#forwarder.adminRoutes];
  }

  /** Where it listens, once started; a second start takes the same again. */
  get port(): number {
    return this.#port;
  }

  get sessionExpirySeconds(): number {
    return this.#options.sessionExpirySeconds;
  }

  async start(): Promise<void> {
    if (this.#listener !== undefined) return;
    const { pki, log, store } = this.#environment;
    await this.#engine.listen();
    this.#forwarder.start();
    store.transaction(() => this.#presence.open());
    this.#registryWatch.start();
    this.#sweeper = setInterval(() => this.#sweep(), sweepEveryMs).unref();
    this.#listener = new TlsListener(await pki.serverIdentity(), {
      requireSni: this.#options.requireSni,
      onClient: (socket, certificate) => this.#life.meet(socket, certificate),
      log,
    });
    this.#port = await this.#listener.listen(this.#port || this.#options.port);
  }

  async stop(): Promise<void> {
    if (this.#listener === undefined) return;
    clearInterval(this.#sweeper);
    this.#registryWatch.stop();
    for (const connection of this.#connections) connection.endsWith('SERVER_INITIATED_DISCONNECT');
    await this.#engine.shutDown();
    await this.#listener.close();
    await this.#forwarder.stop();
    this.#listener = undefined;
  }

  /** The store is empty by now: so are sessions, presence and queue, and nobody is connected. */
  reset(): void {
    for (const connection of this.#connections) connection.end('SERVER_INITIATED_DISCONNECT');
    this.sessions.reset();
    this.#forwarder.reset();
  }

  publish({ topic, payload, qos = 0, retain = false }: Parameters<MessageBus['publish']>[0]): void {
    this.#engine.route({ topic, payload: Buffer.from(payload), qos, retain });
  }

  /** Sends to one client as a service does that answers it, whatever it has subscribed to; policies are asked. */
  deliver(clientId: string, { topic, payload }: { topic: string; payload: string }): void {
    const client = this.#engine.clients[clientId];
    if (client !== undefined)
      this.#engine.redeliver(
        client,
        { topic, payload: Buffer.from(payload), qos: 1, retain: false },
        () => undefined,
      );
  }

  tap(listener: (message: Message) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /** The client's connection, or its last one; undefined when nothing is known of it any more. */
  findPresence(clientId: string): PresenceRecord | undefined {
    return this.#presence.find(clientId);
  }

  connections(): (PresenceRecord & { subscriptions: string[] })[] {
    return [...this.#connections].flatMap(({ admission, sessionIdentifier, client }) => {
      const presence = admission && this.#presence.find(admission.clientId);
      return presence?.sessionIdentifier === sessionIdentifier && presence !== undefined
        ? [{ ...presence, subscriptions: Object.keys(client.subscriptions) }]
        : [];
    });
  }

  /** Topic filters with their QoS of a connected client or a persistent session. */
  findSubscriptions(clientId: string): Record<string, number> | undefined {
    const client = this.#engine.clients[clientId];
    if (client === undefined) return this.sessions.subscriptionsOf(clientId);
    return Object.fromEntries(
      Object.entries(client.subscriptions).map(([filter, subscription]) => [filter, subscription?.qos ?? 0]),
    );
  }

  /** Ends a client's connection. Answers whether there was one. */
  disconnect(clientId: string, { cleanSession = false, preventWillMessage = false } = {}): boolean {
    const client = this.#engine.clients[clientId];
    const connection = client && this.#connections.find(client);
    if (client !== undefined && preventWillMessage) client.will = null;
    connection?.end('API_INITIATED_DISCONNECT');
    if (cleanSession) this.sessions.end(clientId);
    return connection !== undefined;
  }

  #tell(message: Message): void {
    for (const listener of this.#taps) {
      try {
        listener(message);
      } catch (error) {
        this.#environment.log.error({ err: error, topic: message.topic }, 'a listener failed');
      }
    }
  }

  #sweep(): void {
    this.sessions.sweep();
    this.#presence.sweep();
  }
}

export function createBroker(
  environment: Environment,
  registry: Registry,
  options: Partial<BrokerOptions> = {},
): Broker {
  return new Broker(environment, registry, options);
}

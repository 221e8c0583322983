import type { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { AedesOptions, AedesPublishPacket, Client, ConnectPacket, PublishPacket } from 'aedes';
import type { CertificateRecord, Registry } from '../iot-core/registry.ts';
import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { adminRoutes } from './admin-routes.ts';
import { asEngineClient, Engine, type EngineClient } from './aedes-engine.ts';
import { Connection } from './connection.ts';
import { findConnectionThing } from './connection-variables.ts';
import { EventForwarder } from './event-forwarder.ts';
import { Gatekeeper, type KeepAliveRange, type Refusal } from './gatekeeper.ts';
import type { Message, MessageBus } from './message.ts';
import { Presence, type PresenceRecord } from './presence.ts';
import { SessionStore } from './session-store.ts';
import { certificateIdOf, refuse, TlsListener } from './tls-listener.ts';

export interface BrokerOptions {
  /** 0, the default, takes a free one. */
  port: number;
  /** Refuse clients without SNI as AWS does. Off by default: a client that connects to 127.0.0.1 cannot send one. */
  requireSni: boolean;
  /** How a CONNECT without permission ends: closed without a word, as clients of AWS see it, or CONNACK 5. */
  refusal: 'close' | 'connack';
  /** AWS keeps a persistent session for an hour. */
  sessionExpirySeconds: number;
  /** AWS sends stored messages at 10 a second. */
  replayPerSecond: number;
  keepAlive: KeepAliveRange;
}

const defaults: BrokerOptions = {
  port: 0,
  requireSni: false,
  refusal: 'close',
  sessionExpirySeconds: 3600,
  replayPerSecond: 10,
  keepAlive: { minSeconds: 30, maxSeconds: 1200 },
};

const sweepEveryMs = 60_000;

/** AWS IoT's message broker: MQTT 3.1.1 over mutual TLS, registry and policies behind it. */
export class Broker implements Service, MessageBus {
  readonly name = 'iot-broker';
  readonly adminRoutes: readonly AdminRoute[];
  readonly sessions: SessionStore;
  readonly #environment: Environment;
  readonly #registry: Registry;
  readonly #options: BrokerOptions;
  readonly #gatekeeper: Gatekeeper;
  readonly #engine: Engine;
  readonly #presence: Presence;
  readonly #forwarder: EventForwarder;
  readonly #taps = new Set<(message: Message) => void>();
  /** By aedes's client; outlives the socket, whose end aedes handles a little later. */
  readonly #byClient = new WeakMap<Client, Connection>();
  readonly #connections = new Set<Connection>();
  readonly #byCertificate = new Map<string, Set<Connection>>();
  #listener: TlsListener | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #port = 0;

  constructor(environment: Environment, registry: Registry, options: Partial<BrokerOptions> = {}) {
    this.#environment = environment;
    this.#registry = registry;
    this.#options = { ...defaults, ...options };
    const { store, clock } = environment;
    this.sessions = new SessionStore(store, clock, this.#options.sessionExpirySeconds);
    this.#gatekeeper = new Gatekeeper(environment, registry, this.#options.keepAlive);
    this.#engine = new Engine(this.sessions, (message) => this.#tell(message), this.#hooks());
    this.#listenToEngine();
    this.#presence = new Presence(store.table('iot-broker.presence'), clock, this);
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
    this.#registry.changes.on('certificate', this.#onCertificate);
    this.#registry.changes.on('certificateDeleted', this.#onCertificateDeleted);
    this.#registry.changes.on('policies', this.#onPolicies);
    this.#sweeper = setInterval(() => this.#sweep(), sweepEveryMs).unref();
    this.#listener = new TlsListener(await pki.serverIdentity(), {
      requireSni: this.#options.requireSni,
      onClient: (socket, certificate) => this.#meet(socket, certificate),
      log,
    });
    this.#port = await this.#listener.listen(this.#port || this.#options.port);
  }

  async stop(): Promise<void> {
    if (this.#listener === undefined) return;
    clearInterval(this.#sweeper);
    this.#registry.changes.off('certificate', this.#onCertificate);
    this.#registry.changes.off('certificateDeleted', this.#onCertificateDeleted);
    this.#registry.changes.off('policies', this.#onPolicies);
    for (const connection of this.#connections) connection.endsWith('SERVER_INITIATED_DISCONNECT');
    await this.#engine.shutDown();
    await this.#listener.close();
    await this.#forwarder.stop();
    this.#listener = undefined;
  }

  #listenToEngine(): void {
    const { log } = this.#environment;
    this.#engine.on('client', (client) => this.#begin(asEngineClient(client)));
    this.#engine.on('clientReady', (client) => this.#replay(asEngineClient(client)));
    this.#engine.on('clientDisconnect', (client) => this.#finish(client));
    this.#engine.on('keepaliveTimeout', (client) =>
      this.#byClient.get(client)?.endsWith('MQTT_KEEP_ALIVE_TIMEOUT'),
    );
    this.#engine.on('clientError', (client, error) => {
      log.debug({ clientId: client.id, err: error }, 'connection failed');
    });
    this.#engine.on('connectionError', (_, error) => log.debug({ err: error }, 'connection failed'));
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
    const connection = client && this.#byClient.get(client);
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

  // --- a connection's life ---

  #meet(socket: TLSSocket, certificate: X509Certificate): void {
    const { clock, log } = this.#environment;
    const certificateId = certificateIdOf(certificate);
    const record = this.#registry.findCertificate(certificateId);
    if (record === undefined) this.#registerJustInTime(certificate);
    const now = clock.now();
    const valid = certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime();
    if (record?.status !== 'ACTIVE' || !valid) {
      log.info(
        { certificateId, status: record?.status ?? 'unknown', valid },
        'refused: the certificate is not registered, not ACTIVE or out of its time',
      );
      refuse(socket);
      return;
    }
    const client = asEngineClient(this.#engine.handle(socket));
    const connection = new Connection(socket, certificate, client, clock);
    this.#byClient.set(client, connection);
    this.#connections.add(connection);
    const peers = this.#byCertificate.get(certificateId) ?? new Set();
    this.#byCertificate.set(certificateId, peers.add(connection));
    socket.once('close', () => {
      this.#connections.delete(connection);
      peers.delete(connection);
      if (peers.size === 0) this.#byCertificate.delete(certificateId);
    });
    // Ahead of aedes, which stores the filters of a SUBSCRIBE one by one and would keep those before a refused one.
    client._parser.prependListener('packet', (packet: { cmd: string } | SubscribePacket) => {
      if ('subscriptions' in packet) this.#examineSubscribe(connection, packet);
    });
    client._parser.prependListener('error', () => connection.endsWith('CLIENT_ERROR'));
  }

  #begin(client: EngineClient): void {
    const connection = this.#byClient.get(client);
    const admission = connection?.admission;
    if (connection === undefined || admission === undefined) return;
    const { certificateId, socket, sourceIp } = connection;
    const { clientId, clean, keepAliveSeconds } = admission;
    // Again, because the connection just taken over has ended its claim on the session.
    if (!clean) this.sessions.resume(clientId);
    const thing = findConnectionThing(this.#registry, certificateId, clientId);
    connection.sessionIdentifier = this.#presence.connected({
      clientId,
      certificateId,
      ...(thing && { thingName: thing.thingName }),
      exclusiveThingName: thing?.exclusive === true ? thing.thingName : undefined,
      cleanSession: clean,
      keepAliveSeconds,
      sourceIp,
      sourcePort: socket.remotePort ?? 0,
      targetPort: this.#port,
    });
  }

  #replay(client: EngineClient): void {
    if (client.clean) return;
    const pauseMs = 1000 / this.#options.replayPerSecond;
    let first = true;
    const pace = async (): Promise<void> => {
      if (!first) await delay(pauseMs, undefined, { ref: false });
      first = false;
    };
    this.#engine.replay(client, pace).catch((error: unknown) => {
      this.#environment.log.error({ err: error, clientId: client.id }, 'replay failed');
    });
  }

  #finish(client: Client): void {
    const connection = this.#byClient.get(client);
    if (connection?.admission === undefined || connection.sessionIdentifier === undefined) return;
    const { clientId, clean } = connection.admission;
    // A newer connection may have the session already.
    if (!clean && this.#engine.clients[clientId] === undefined) this.sessions.disconnected(clientId);
    this.#presence.disconnected(clientId, connection.sessionIdentifier, connection.disconnectReason);
  }

  // --- what aedes asks ---

  #hooks(): Pick<
    AedesOptions,
    'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
  > {
    return {
      preConnect: (client, packet, done) => void this.#preConnect(client, packet, done),
      authenticate: (client, _user, _password, done) => {
        const connection = this.#byClient.get(client);
        if (connection?.admission === undefined)
          return done(Object.assign(new Error('not authorized'), { returnCode: 5 }), false);
        const taken = this.#engine.clients[client.id];
        if (taken !== undefined) this.#byClient.get(taken)?.endsWith('DUPLICATE_CLIENTID');
        return done(null, true);
      },
      authorizePublish: (client, packet, done) => this.#authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => {
        // A new SUBSCRIBE was examined before; this one may be a stored subscription that policies no longer allow.
        const authority = this.#byClient.get(client)?.admission?.authority;
        const allowed = authority?.allows('iot:Subscribe', `topicfilter/${subscription.topic}`) === true;
        done(null, allowed ? subscription : null);
      },
      authorizeForward: (client, packet) => this.#authorizeForward(asEngineClient(client), packet),
    };
  }

  async #preConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: Error | null, success: boolean) => void,
  ): Promise<void> {
    const connection = this.#byClient.get(client);
    if (connection === undefined) return done(new Error('The connection has ended'), false);
    // MQTT 5 clients get aedes's «unacceptable protocol version»; MQTT 3.1 AWS does not speak either.
    if (packet.protocolVersion === 5) return done(null, true);
    if (packet.protocolVersion !== 4) return done(new Error('AWS IoT speaks MQTT 3.1.1 and 5'), false);
    const fault = this.#environment.faults.take('iot-broker', 'Connect', packet.clientId);
    if (fault?.kind === 'custom' && fault.name === 'lose-session') this.sessions.end(packet.clientId);
    if (fault?.kind === 'error' || fault?.kind === 'drop') return done(new Error('Injected fault'), false);
    if (fault?.kind === 'delay') await delay(fault.ms, undefined, { ref: false });

    const verdict = this.#gatekeeper.admit(connection, packet);
    if ('authority' in verdict) {
      connection.admission = verdict;
      packet.keepalive = verdict.keepAliveSeconds;
      return done(null, true);
    }
    this.#logRefusal(connection, verdict);
    if (verdict.reason === 'AUTH_ERROR')
      this.#presence.refused(packet.clientId, connection.certificateId, connection.sourceIp);
    // Without an admission, aedes's next step answers CONNACK 5.
    const silent = this.#options.refusal === 'close' || verdict.returnCode !== 5;
    return done(silent ? new Error(verdict.message) : null, !silent);
  }

  #authorizePublish(
    client: Client | null,
    packet: PublishPacket,
    done: (error?: Error | null) => void,
  ): void {
    const connection = client === null ? undefined : this.#byClient.get(client);
    const admission = connection?.admission;
    if (connection === undefined || admission === undefined)
      return done(new Error('The connection has ended'));
    if (packet === connection.client.will)
      return done(admission.willAllowed ? null : new Error('The last will is not allowed'));

    if (connection.ending) return done(new Error('The connection is about to end'));
    const refusal = this.#gatekeeper.refusalOfPublish(admission, packet);
    if (refusal !== undefined) return done(this.#refusePacket(connection, refusal));

    const fault = this.#environment.faults.take('iot-broker', 'Publish', admission.clientId);
    if (packet.qos === 2 || fault?.kind === 'drop' || !connection.tryPublish()) {
      // AWS neither routes nor acknowledges QoS 2 nor what exceeds the rate.
      packet.qos = 0;
      this.#engine.discard(packet);
    } else if (fault?.kind === 'lose-answer' || fault?.kind === 'delay') {
      const message: Message = {
        topic: packet.topic,
        payload: Buffer.from(packet.payload),
        qos: packet.qos,
        retain: packet.retain,
        clientId: admission.clientId,
      };
      this.#engine.discard(packet);
      if (fault.kind === 'lose-answer') packet.qos = 0;
      const waitMs = fault.kind === 'delay' ? fault.ms : 0;
      setTimeout(() => this.#engine.route(message), waitMs).unref();
    } else if (fault?.kind === 'error') {
      return done(
        this.#refusePacket(connection, { message: fault.message, reason: 'SERVER_ERROR', returnCode: 5 }),
      );
    }
    return done(null);
  }

  /** Ends the connection for a SUBSCRIBE that may not be; makes one with QoS 2 subscribe and acknowledge nothing. */
  #examineSubscribe(connection: Connection, packet: SubscribePacket): void {
    const { admission, client } = connection;
    if (admission === undefined) return;
    const filters = packet.subscriptions.map(({ topic }) => topic);
    const refusal = this.#gatekeeper.refusalOfSubscribe(admission, filters, client.subscriptions);
    const qos2 = packet.subscriptions.some(({ qos }) => qos === 2);
    if (refusal !== undefined || qos2) {
      packet.subscriptions = [];
      delete packet.messageId;
    }
    if (refusal !== undefined) {
      this.#logRefusal(connection, refusal);
      connection.endsWith(refusal.reason);
      // Not at once: aedes is about to take this very packet, and does not expect its client to be closed.
      setImmediate(() => connection.end(refusal.reason));
    }
  }

  #authorizeForward(client: EngineClient, packet: AedesPublishPacket): AedesPublishPacket | null {
    const connection = this.#byClient.get(client);
    const admission = connection?.admission;
    // Before the CONNACK nothing may be sent; what a session is owed follows by the replay.
    if (admission === undefined || connection === undefined || !client.connackSent) return null;
    const owed = !client.clean && packet.qos > 0;
    if (!admission.authority.allows('iot:Receive', `topic/${packet.topic}`)) {
      if (owed) this.sessions.drop(client.id, packet.brokerCounter);
      return null;
    }
    if (connection.released.delete(packet.brokerCounter)) return packet;
    const fault = this.#environment.faults.take('iot-broker', 'Deliver', client.id);
    if (fault?.kind !== 'drop' && fault?.kind !== 'delay') return packet;
    if (owed) this.sessions.drop(client.id, packet.brokerCounter);
    if (fault.kind === 'delay') {
      const message: Message = {
        topic: packet.topic,
        payload: Buffer.from(packet.payload),
        qos: packet.qos > 0 ? 1 : 0,
        retain: packet.retain,
      };
      setTimeout(() => {
        this.#engine.redeliver(client, message, (sequence) => connection.released.add(sequence));
      }, fault.ms).unref();
    }
    return null;
  }

  #refusePacket(connection: Connection, refusal: Refusal): Error {
    this.#logRefusal(connection, refusal);
    connection.endsWith(refusal.reason);
    return new Error(refusal.message);
  }

  #logRefusal({ admission, certificateId }: Connection, { message, reason }: Refusal): void {
    this.#environment.log.info(
      { clientId: admission?.clientId, certificateId, reason },
      `refused: ${message}`,
    );
  }

  // --- what the registry says ---

  /** A certificate of a known CA registers itself, PENDING_ACTIVATION; the client is refused and tries again. */
  #registerJustInTime(certificate: X509Certificate): void {
    const { accountId, clock } = this.#environment;
    const record = this.#registry.registerJustInTime(
      certificate.toString(),
      certificate.issuerCertificate?.toString(),
    );
    if (record?.caCertificateId === undefined) return;
    const { certificateId, caCertificateId, createdAt } = record;
    this.publish({
      topic: `$aws/events/certificates/registered/${caCertificateId}`,
      payload: JSON.stringify({
        certificateId,
        caCertificateId,
        timestamp: clock.now(),
        certificateStatus: record.status,
        awsAccountId: accountId,
        certificateRegistrationTimestamp: String(createdAt),
      }),
      qos: 1,
    });
  }

  readonly #onCertificate = ({ certificateId, status }: CertificateRecord): void => {
    if (status !== 'ACTIVE') this.#expel(certificateId);
  };

  readonly #onCertificateDeleted = (certificateId: string): void => this.#expel(certificateId);

  /** Permissions are read anew; whoever may no longer connect is disconnected. */
  readonly #onPolicies = (certificateIds: string[]): void => {
    for (const certificateId of certificateIds) {
      for (const connection of this.#byCertificate.get(certificateId) ?? []) {
        const { admission } = connection;
        if (admission === undefined) continue;
        const attributes = admission.clean ? [] : ['PersistentConnect'];
        admission.authority = this.#gatekeeper.authorityOf(connection, admission.clientId);
        if (!admission.authority.allowsConnect(admission.clientId, attributes)) connection.end('AUTH_ERROR');
      }
    }
  };

  #expel(certificateId: string): void {
    for (const connection of this.#byCertificate.get(certificateId) ?? []) connection.end('AUTH_ERROR');
  }

  #sweep(): void {
    this.sessions.sweep();
    this.#presence.sweep();
  }
}

interface SubscribePacket {
  cmd: 'subscribe';
  messageId?: number;
  subscriptions: { topic: string; qos: number }[];
}

export function createBroker(
  environment: Environment,
  registry: Registry,
  options: Partial<BrokerOptions> = {},
): Broker {
  return new Broker(environment, registry, options);
}

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, TLSSocket } from 'node:tls';
import { Aedes, type Client } from 'aedes';
import type { Issued, TestCa } from '../../testing/test-pki.ts';

export interface Received {
  topic: string;
  payload: string;
}

/**
 * A real MQTT 3.1.1 broker (aedes) behind mutual TLS, with AWS IoT Core's manners where they matter to a client: a
 * revoked certificate is cut off before CONNACK, a forbidden topic closes the connection, a second connection with a
 * client id ends the first.
 */
export class TestBroker {
  readonly #ca: TestCa;
  readonly #identity: Issued;
  /** Before and after the handshake. */
  readonly #connections = new Set<Socket>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #revoked = new Set<string>();
  readonly #forbidden = new Set<string>();
  readonly received: Received[] = [];
  readonly subscribed: string[][] = [];
  readonly handshakes: { serverName: string | false | undefined; alpn: string | false | null }[] = [];
  /** Called with every message that a client published. */
  onReceived: (message: Received) => void = () => {};
  readonly #watchers = new Set<() => void>();
  /** While true, a connection is cut when a publish arrives on it, unacknowledged. */
  cutOnPublish = false;
  /** So many publishes are discarded without a word, as of a client that is throttled. */
  discards = 0;
  /** So many CONNECTs are refused. */
  refusals = 0;
  #aedes: Aedes | undefined;
  #server: Server | undefined;
  port = 0;

  readonly #verifies: boolean;

  private constructor(ca: TestCa, identity: Issued, verifies: boolean) {
    this.#ca = ca;
    this.#identity = identity;
    this.#verifies = verifies;
  }

  /** With `verifies` it looks at dates and issuer of clients' certificates in the handshake. */
  static async start(ca: TestCa, identity?: Issued, verifies = false): Promise<TestBroker> {
    const broker = new TestBroker(ca, identity ?? (await ca.issueServer()), verifies);
    await broker.listen();
    return broker;
  }

  /** Listens again on the same port; sessions start anew, as after a crash. */
  async listen(): Promise<void> {
    const aedes = await Aedes.createBroker();
    this.#aedes = aedes;
    aedes.preConnect = (_client, _packet, done) => done(null, true);
    aedes.authorizePublish = (client, packet, done) => {
      if (client !== null && this.cutOnPublish) cut(client);
      // Never answered, and so never acknowledged.
      else if (client !== null && this.discards > 0) this.discards -= 1;
      else if (this.#forbidden.has(packet.topic)) done(new Error('forbidden'));
      else done(null);
    };
    aedes.authenticate = (_client, _user, _password, done) => {
      if (this.refusals === 0) return done(null, true);
      this.refusals -= 1;
      const busy = Object.assign(new Error('server unavailable'), { returnCode: 3 });
      done(busy, null);
    };
    aedes.authorizeSubscribe = (_client, subscription, done) => {
      if (this.#forbidden.has(subscription.topic)) done(new Error('forbidden'));
      else done(null, subscription);
    };
    aedes.on('publish', (packet, client) => {
      if (client === null && packet.topic.startsWith('$SYS')) return;
      const message = { topic: packet.topic, payload: packet.payload.toString() };
      this.received.push(message);
      if (client !== null) this.onReceived(message);
      this.#changed();
    });
    aedes.on('subscribe', (subscriptions) => {
      this.subscribed.push(subscriptions.map(({ topic }) => topic));
      this.#changed();
    });
    aedes.on('clientReady', (client) => endInOrder(client));
    aedes.on('clientDisconnect', () => this.#changed());
    const server = createServer({
      cert: this.#identity.certificate,
      key: this.#identity.privateKey,
      ca: this.#ca.certificate,
      requestCert: true,
      rejectUnauthorized: this.#verifies,
      ALPNProtocols: ['x-amzn-mqtt-ca'],
    });
    server.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.on('close', () => this.#connections.delete(socket));
    });
    server.on('secureConnection', (socket) => this.#accept(socket));
    server.on('tlsClientError', () => {});
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** As a power cut: sockets are destroyed, nothing is said. */
  async kill(): Promise<void> {
    const server = this.#server;
    const aedes = this.#aedes;
    if (server === undefined || aedes === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of [...this.#sockets, ...this.#connections]) socket.destroy();
    await closed;
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
  }

  revoke(certificatePem: string): void {
    this.#revoked.add(new X509Certificate(certificatePem).fingerprint256);
  }

  forbid(topic: string): void {
    this.#forbidden.add(topic);
  }

  allow(topic: string): void {
    this.#forbidden.delete(topic);
  }

  /** Ends every connection in order, as a service does that restarts or takes a client over. */
  closeConnections(): void {
    for (const socket of this.#sockets) socket.end();
  }

  send(topic: string, payload: string): void {
    this.#aedes?.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false },
      () => {},
    );
  }

  /** Waits until `condition` holds; looked at whenever the broker saw something. */
  async until(condition: (broker: TestBroker) => boolean): Promise<void> {
    if (condition(this)) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition(this)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  get connectedClients(): number {
    return this.#sockets.size;
  }

  #accept(socket: TLSSocket): void {
    this.handshakes.push({ serverName: servernameOf(socket), alpn: socket.alpnProtocol });
    socket.on('error', () => {});
    if (this.#revoked.has(socket.getPeerCertificate().fingerprint256)) {
      socket.destroy();
      this.#changed();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#changed();
    });
    this.#aedes?.handle(socket);
    this.#changed();
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}

function servernameOf(socket: TLSSocket): string | false | undefined {
  return 'servername' in socket ? (socket.servername as string | false) : undefined;
}

/** aedes ends connections by `destroy`, which leaves TLS's close_notify out; AWS IoT Core says it. */
function endInOrder({ conn }: Client): void {
  if (!(conn instanceof TLSSocket)) return;
  conn.destroy = (error) => (conn.writable ? conn.end(() => destroy(conn, error)) : destroy(conn, error));
}

/** As a network does: without a word. */
function cut(client: Client): void {
  if (client.conn instanceof TLSSocket) destroy(client.conn);
}

const destroy = (socket: TLSSocket, error?: Error): TLSSocket =>
  TLSSocket.prototype.destroy.call(socket, error);

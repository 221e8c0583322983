import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../kernel/clock.ts';
import { TokenBucket } from '../kernel/token-bucket.ts';
import type { EngineClient } from './aedes-engine.ts';
import type { Authority } from './authority.ts';
import { certificateVariables } from './connection-variables.ts';
import type { DisconnectReason } from './presence.ts';
import { certificateIdOf } from './tls-listener.ts';
import { brokerLimits } from './topic-rules.ts';

/** What a CONNECT asked for and was granted. */
export interface Admission {
  clientId: string;
  authority: Authority;
  clean: boolean;
  /** `iot:ConnectAttributes` of the CONNECT: PersistentConnect, LastWill. */
  connectAttributes: readonly string[];
  keepAliveSeconds: number;
  /** The last will may be published: asked at the beginning, because the end may be a lost permission. */
  willAllowed: boolean;
}

/** One TLS connection of a client, from its handshake to its end. */
export class Connection {
  readonly certificateId: string;
  readonly certificateVariables: Readonly<Record<string, string>>;
  readonly socket: TLSSocket;
  readonly client: EngineClient;
  readonly #publishes: TokenBucket;
  /** Set by an accepted CONNECT. */
  admission: Admission | undefined;
  /** Set once the client is registered with the broker and its begin was published. */
  sessionIdentifier: string | undefined;
  /** Why we end it; undefined while it lives, or when the other side does. */
  #ending: DisconnectReason | undefined;
  /** Numbers of messages that a fault held back and that now go out. */
  readonly released = new Set<number>();

  constructor(socket: TLSSocket, certificate: X509Certificate, client: EngineClient, clock: Clock) {
    this.socket = socket;
    this.client = client;
    this.certificateId = certificateIdOf(certificate);
    this.certificateVariables = certificateVariables(this.certificateId, certificate);
    this.#publishes = new TokenBucket(clock, brokerLimits.publishesPerSecond);
  }

  get sourceIp(): string {
    return this.socket.remoteAddress ?? '';
  }

  /** False once the connection has used up its publishes of this second. */
  tryPublish(): boolean {
    return this.#publishes.tryTake();
  }

  get ending(): boolean {
    return this.#ending !== undefined;
  }

  /** Ends the connection; the first reason counts. */
  end(reason: DisconnectReason): void {
    this.endsWith(reason);
    this.client.close();
  }

  /** Says why the connection is about to end, where somebody else ends it. */
  endsWith(reason: DisconnectReason): void {
    this.#ending ??= reason;
  }

  get disconnectReason(): DisconnectReason {
    if (this.#ending !== undefined) return this.#ending;
    return this.client._disconnected ? 'CLIENT_INITIATED_DISCONNECT' : 'CONNECTION_LOST';
  }
}

import { isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type IConnackPacket, MqttClient } from 'mqtt';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { PartHealth } from '../part.ts';
import { type ConnectionFailure, classifyEnd, takenOver } from './connection-failure.ts';
import {
  type ConnectionState,
  type IotConnection,
  type IotEndpoint,
  type IotMessage,
  PublishError,
  type PublishOptions,
} from './iot-connection.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import { filterMatches } from './topic-filter.ts';

/** AWS IoT Core tells MQTT from HTTPS on port 443 by ALPN (Developer Guide, "Device communication protocols"). */
const alpnPort = 443;
const alpnProtocol = 'x-amzn-mqtt-ca';
/** "AWS IoT Core message broker and protocol limits": at most 8 filters in one SUBSCRIBE. */
const filtersPerSubscribe = 8;
/** A message that was outstanding at this many closes is what the broker closes on: it is given up. */
const closesPerMessage = 3;
/** How long `stop` waits for acknowledgements and for the broker's part of the goodbye. */
const goodbyeMs = 2_000;
/** Wait for CONNACK; a TLS handshake over 2G takes seconds. */
const connectTimeoutMs = 30_000;

export interface MqttConnectionDependencies {
  endpoint: IotEndpoint;
  clock: Clock;
  logger: Logger;
  /** Uniform in [0, 1). */
  random: () => number;
}

interface InFlight {
  topic: string;
  closes: number;
  settle: (error?: PublishError) => void;
}

/** What is known about the connection attempt under way. */
interface Attempt {
  secured: boolean;
  accepted: boolean;
  error?: Error;
  connectedAt?: number;
  pendingFilters: readonly string[];
}

/** `IotConnection` by mqtt.js: MQTT 3.1.1 over mutual TLS, pure JavaScript, so that it runs on every architecture. */
export class MqttConnection implements IotConnection {
  readonly name = 'iot';
  readonly #deps: MqttConnectionDependencies;
  readonly #policy: ReconnectPolicy;
  readonly #handlers = new Map<string, ((message: IotMessage) => void)[]>();
  readonly #inFlight = new Map<number, InFlight>();
  readonly #connectedListeners: (() => void)[] = [];
  readonly #disconnectedListeners: ((failure: ConnectionFailure) => void)[] = [];
  /** Filters that the broker's session is known to hold. */
  readonly #confirmed = new Set<string>();
  #client: MqttClient | undefined;
  #attempt: Attempt = newAttempt();
  #state: ConnectionState = 'stopped';
  #lastFailure: ConnectionFailure | undefined;
  #cancelWait: () => void = () => {};

  constructor(deps: MqttConnectionDependencies) {
    this.#deps = deps;
    this.#policy = new ReconnectPolicy(deps.random);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get lastFailure(): ConnectionFailure | undefined {
    return this.#lastFailure;
  }

  health(): PartHealth {
    const { host, port } = this.#deps.endpoint;
    if (this.#state === 'connected') return { ok: true, detail: `connected to ${host}:${port}` };
    return { ok: false, detail: this.#lastFailure?.sentence ?? `connecting to ${host}:${port}` };
  }

  start(signal: AbortSignal): Promise<void> {
    if (this.#client === undefined && !signal.aborted) {
      this.#client = this.#createClient();
      this.#connect(this.#client);
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    this.#state = 'stopped';
    this.#cancelWait();
    await this.#sayGoodbye(client);
    for (const { settle } of this.#inFlight.values())
      settle(new PublishError('stopped', 'The agent is stopping.'));
  }

  subscribe(filter: string, handler: (message: IotMessage) => void): void {
    const handlers = this.#handlers.get(filter);
    if (handlers !== undefined) {
      handlers.push(handler);
      return;
    }
    this.#handlers.set(filter, [handler]);
    if (this.#state === 'connected' && this.#client !== undefined) void this.#subscribeAll(this.#client);
  }

  publish({ topic, payload }: PublishOptions): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#state !== 'connected')
      return Promise.reject(new PublishError('not-connected', 'There is no connection to the cloud.'));
    return new Promise((resolve, reject) => {
      let id = 0;
      const settle = (error?: PublishError): void => {
        this.#inFlight.delete(id);
        if (error === undefined) resolve();
        else reject(error);
      };
      client.publish(topic, payload, { qos: 1 }, (error) => {
        settle(error ? new PublishError('stopped', error.message) : undefined);
      });
      id = client.getLastMessageId();
      this.#inFlight.set(id, { topic, closes: 0, settle });
    });
  }

  onConnected(listener: () => void): void {
    this.#connectedListeners.push(listener);
  }

  onDisconnected(listener: (failure: ConnectionFailure) => void): void {
    this.#disconnectedListeners.push(listener);
  }

  #createClient(): MqttClient {
    const { clientId, keepAliveSeconds, will } = this.#deps.endpoint;
    const client = new MqttClient(() => this.#openSocket(), {
      clientId,
      clean: false,
      protocolVersion: 4,
      keepalive: keepAliveSeconds,
      connectTimeout: connectTimeoutMs,
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: false },
      // The loop and the subscriptions are ours: mqtt.js knows neither jitter nor why a connection ended.
      reconnectPeriod: 0,
      resubscribe: false,
      manualConnect: true,
    });
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack' && packet.returnCode === 0) this.#attempt.accepted = true;
    });
    client.on('connect', (connack) => void this.#onAccepted(client, connack));
    client.on('message', (topic, payload) => this.#onMessage(topic, payload));
    client.on('error', (error) => {
      this.#attempt.error ??= error;
    });
    client.on('close', () => this.#onClose(client));
    return client;
  }

  #connect(client: MqttClient): void {
    this.#state = 'connecting';
    this.#attempt = newAttempt();
    client.connect();
  }

  #openSocket(): ReturnType<typeof connectTls> {
    const attempt = this.#attempt;
    const socket = connectTls(tlsOptions(this.#deps.endpoint));
    socket.once('secureConnect', () => {
      attempt.secured = true;
    });
    return socket;
  }

  async #onAccepted(client: MqttClient, connack: IConnackPacket): Promise<void> {
    if (client !== this.#client) return;
    const attempt = this.#attempt;
    attempt.connectedAt = this.#deps.clock.monotonic();
    if (!connack.sessionPresent) this.#confirmed.clear();
    if (!(await this.#subscribeAll(client)) || attempt !== this.#attempt || client !== this.#client) return;
    this.#state = 'connected';
    this.#lastFailure = undefined;
    this.#deps.logger.info({ sessionPresent: connack.sessionPresent }, 'Connected to the cloud.');
    for (const listener of this.#connectedListeners) listener();
  }

  /** Sends SUBSCRIBE for what the session does not hold yet; false when that failed and the connection was ended. */
  async #subscribeAll(client: MqttClient): Promise<boolean> {
    const attempt = this.#attempt;
    const missing = [...this.#handlers.keys()].filter((filter) => !this.#confirmed.has(filter));
    attempt.pendingFilters = missing;
    try {
      for (let i = 0; i < missing.length; i += filtersPerSubscribe) {
        const batch = missing.slice(i, i + filtersPerSubscribe);
        await client.subscribeAsync(batch, { qos: 1 });
        for (const filter of batch) this.#confirmed.add(filter);
        attempt.pendingFilters = missing.slice(i + filtersPerSubscribe);
      }
      return true;
    } catch {
      // SUBACK 0x80, or the connection closed meanwhile: either way this connection is of no use.
      client.stream.destroy();
      return false;
    }
  }

  #onMessage(topic: string, payload: Buffer): void {
    for (const [filter, handlers] of this.#handlers) {
      if (!filterMatches(filter, topic)) continue;
      for (const handler of handlers) this.#handle(handler, { topic, payload });
    }
  }

  /** A handler that throws must not take the connection with it, nor get the same message again for ever. */
  #handle(handler: (message: IotMessage) => void, message: IotMessage): void {
    try {
      handler(message);
    } catch (error) {
      this.#deps.logger.error({ err: error, topic: message.topic }, 'A message could not be handled.');
    }
  }

  #onClose(client: MqttClient): void {
    if (client !== this.#client) return;
    const attempt = this.#attempt;
    const wasConnected = this.#state === 'connected';
    const end = {
      ...this.#deps.endpoint,
      ...attempt,
      pendingTopics: [...this.#inFlight.values()].map(({ topic }) => topic),
    };
    const classified = classifyEnd(end);
    const decision = this.#policy.afterEnd({
      code: classified.code,
      ...(attempt.connectedAt === undefined
        ? {}
        : { connectedMs: this.#deps.clock.monotonic() - attempt.connectedAt }),
    });
    const failure = decision.takenOver ? takenOver(end) : classified;

    this.#state = 'waiting';
    this.#lastFailure = failure;
    const level = failure.needsPerson ? 'error' : 'warn';
    this.#deps.logger[level]({ code: failure.code, retryInMs: decision.delayMs }, failure.sentence);
    if (failure.code === 'forbidden') this.#giveUpForbidden(client);
    if (wasConnected) for (const listener of this.#disconnectedListeners) listener(failure);
    this.#cancelWait = this.#deps.clock.after(decision.delayMs, () => this.#connect(client));
  }

  #giveUpForbidden(client: MqttClient): void {
    for (const [id, message] of this.#inFlight) {
      message.closes += 1;
      if (message.closes < closesPerMessage) continue;
      message.settle(
        new PublishError(
          'forbidden',
          `The broker closes the connection on ${message.topic}; the message is given up.`,
        ),
      );
      client.removeOutgoingMessage(id);
    }
  }

  async #sayGoodbye(client: MqttClient): Promise<void> {
    const { stream } = client;
    if (stream === undefined || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(() => stream.destroy(), goodbyeMs);
      stream.once('close', () => {
        clearTimeout(giveUp);
        resolve();
      });
      if (client.connected) client.end(false);
      else stream.destroy();
    });
  }
}

function newAttempt(): Attempt {
  return { secured: false, accepted: false, pendingFilters: [] };
}

/** SNI is mandatory for AWS IoT Core and must be a name: RFC 6066 §3 knows no literal addresses. */
export function tlsOptions(endpoint: IotEndpoint): ConnectionOptions {
  const { host, port, certificate, privateKey, rootCa } = endpoint;
  return {
    host,
    port,
    cert: certificate,
    key: privateKey,
    ca: rootCa,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(port === alpnPort ? { ALPNProtocols: [alpnProtocol] } : {}),
  };
}

import { X509Certificate } from 'node:crypto';
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
import type { LinkEnd, MqttLink, OpenLink } from './mqtt-link.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import { filterMatches } from './topic-filter.ts';

/** "AWS IoT Core message broker and protocol limits": at most 8 filters in one SUBSCRIBE. */
const filtersPerSubscribe = 8;
/** A message that was outstanding at this many closes is what the broker closes on: it is given up. */
const closesPerMessage = 3;
/**
 * A broker that throttles discards publishes without a word (AWS IoT Core: more than 100 a second). MQTT 3.1.1 has them
 * sent again on a new connection only, so one is made when an acknowledgement is so late.
 */
const ackTimeoutMs = 60_000;
/** Every step of an attempt has a limit of its own, a minute at most: what takes this long has come to a standstill. */
const standstillMs = 10 * 60_000;

export interface MqttConnectionDependencies {
  endpoint: IotEndpoint;
  /** Loads the driver; rejects with `Refusal` when it cannot run here. */
  loadDriver: () => Promise<OpenLink>;
  clock: Clock;
  logger: Logger;
  /** Uniform in [0, 1). */
  random: () => number;
}

interface InFlight {
  message: PublishOptions;
  closes: number;
  settle: (error?: PublishError) => void;
}

/** A connection attempt and the connection that came of it. */
interface Attempt {
  link: MqttLink;
  accepted: boolean;
  connectedAt?: number;
  pendingFilters: readonly string[];
  cancelAckTimeout: () => void;
}

/** `IotConnection` over links of a driver: MQTT 3.1.1 over mutual TLS. */
export class MqttConnection implements IotConnection {
  readonly name = 'iot';
  readonly #deps: MqttConnectionDependencies;
  readonly #policy: ReconnectPolicy;
  readonly #handlers = new Map<string, ((message: IotMessage) => void)[]>();
  /** Published and not acknowledged, in order; sent again on the next connection. */
  readonly #inFlight = new Set<InFlight>();
  readonly #connectedListeners: (() => void)[] = [];
  readonly #disconnectedListeners: ((failure: ConnectionFailure) => void)[] = [];
  /** Filters that the broker's session is known to hold. */
  readonly #confirmed = new Set<string>();
  #openLink: OpenLink | undefined;
  #started = false;
  /** The latest; another one's news are of no interest. */
  #attempt: Attempt | undefined;
  #state: ConnectionState = 'stopped';
  #lastFailure: ConnectionFailure | undefined;
  #cancelWait: () => void = () => {};
  /** When an attempt or a wait is over at the very latest, by the monotonic clock. */
  #changesBefore = Number.POSITIVE_INFINITY;

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
    const detail = this.#lastFailure?.sentence ?? `connecting to ${host}:${port}`;
    const stuck = this.#state !== 'stopped' && this.#deps.clock.monotonic() > this.#changesBefore;
    return { ok: false, detail, ...(stuck ? { stuck } : {}) };
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#started || signal.aborted) return;
    this.#started = true;
    this.#state = 'connecting';
    this.#openLink ??= await this.#deps.loadDriver();
    // Stopped meanwhile?
    if (this.#started) this.#connect(this.#openLink);
  }

  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#state = 'stopped';
    this.#cancelWait();
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.cancelAckTimeout();
    await attempt?.link.close();
    for (const { settle } of this.#inFlight) settle(new PublishError('stopped', 'The agent is stopping.'));
  }

  /**
   * Ends the connection, or the attempt or wait for one, and connects at once by what the endpoint says then. Resolves when
   * that has begun.
   */
  async reconnect(): Promise<void> {
    const openLink = this.#openLink;
    if (!this.#started || openLink === undefined) return;
    const attempt = this.#attempt;
    const wasConnected = this.#state === 'connected';
    this.#attempt = undefined;
    this.#state = 'connecting';
    this.#cancelWait();
    attempt?.cancelAckTimeout();
    if (wasConnected) for (const listener of this.#disconnectedListeners) listener(leftOnPurpose);
    await attempt?.link.close();
    // Stopped meanwhile?
    if (this.#started && this.#attempt === undefined) this.#connect(openLink);
  }

  subscribe(filter: string, handler: (message: IotMessage) => void): void {
    const handlers = this.#handlers.get(filter);
    if (handlers !== undefined) {
      handlers.push(handler);
      return;
    }
    this.#handlers.set(filter, [handler]);
    if (this.#state === 'connected' && this.#attempt !== undefined) void this.#subscribeAll(this.#attempt);
  }

  publish(message: PublishOptions): Promise<void> {
    const attempt = this.#attempt;
    if (attempt === undefined || this.#state !== 'connected')
      return Promise.reject(new PublishError('not-connected', 'There is no connection to the cloud.'));
    return new Promise((resolve, reject) => {
      const inFlight: InFlight = {
        message,
        closes: 0,
        settle: (error) => {
          this.#inFlight.delete(inFlight);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#inFlight.add(inFlight);
      this.#send(attempt, inFlight);
    });
  }

  onConnected(listener: () => void): void {
    this.#connectedListeners.push(listener);
  }

  onDisconnected(listener: (failure: ConnectionFailure) => void): void {
    this.#disconnectedListeners.push(listener);
  }

  #connect(openLink: OpenLink): void {
    this.#state = 'connecting';
    this.#changesBefore = this.#deps.clock.monotonic() + standstillMs;
    const link = openLink(this.#deps.endpoint, {
      onMessage: (message) => this.#onMessage(message),
      onEnd: (end) => this.#onEnd(attempt, end),
    });
    const attempt: Attempt = { link, accepted: false, pendingFilters: [], cancelAckTimeout: () => {} };
    this.#attempt = attempt;
    link.open().then(
      ({ sessionPresent }) => this.#onAccepted(attempt, sessionPresent),
      () => {
        // `onEnd` says why.
      },
    );
  }

  async #onAccepted(attempt: Attempt, sessionPresent: boolean): Promise<void> {
    if (attempt !== this.#attempt) return;
    attempt.accepted = true;
    attempt.connectedAt = this.#deps.clock.monotonic();
    if (!sessionPresent) this.#confirmed.clear();
    if (!(await this.#subscribeAll(attempt)) || attempt !== this.#attempt) return;
    this.#state = 'connected';
    this.#lastFailure = undefined;
    this.#deps.logger.info({ sessionPresent }, 'Connected to the cloud.');
    // What an earlier connection left unacknowledged was published before anything new.
    for (const inFlight of this.#inFlight) this.#send(attempt, inFlight);
    for (const listener of this.#connectedListeners) listener();
  }

  /** Sends SUBSCRIBE for what the session does not hold yet; false when that failed and the connection was ended. */
  async #subscribeAll(attempt: Attempt): Promise<boolean> {
    const missing = [...this.#handlers.keys()].filter((filter) => !this.#confirmed.has(filter));
    attempt.pendingFilters = missing;
    try {
      for (let i = 0; i < missing.length; i += filtersPerSubscribe) {
        const batch = missing.slice(i, i + filtersPerSubscribe);
        await attempt.link.subscribe(batch);
        for (const filter of batch) this.#confirmed.add(filter);
        attempt.pendingFilters = missing.slice(i + filtersPerSubscribe);
      }
      return true;
    } catch {
      // Refused in the SUBACK, or the connection closed meanwhile: either way this connection is of no use.
      attempt.link.abort();
      return false;
    }
  }

  #send(attempt: Attempt, inFlight: InFlight): void {
    if (this.#inFlight.size === 1) this.#awaitAck(attempt);
    attempt.link.publish(inFlight.message).then(
      () => {
        inFlight.settle();
        if (attempt === this.#attempt) this.#awaitAck(attempt);
      },
      () => {
        // The connection ended; it stays in flight.
      },
    );
  }

  /** From the latest acknowledgement on, or the first publish after all were acknowledged. */
  #awaitAck(attempt: Attempt): void {
    attempt.cancelAckTimeout();
    if (this.#inFlight.size === 0) return;
    attempt.cancelAckTimeout = this.#deps.clock.after(ackTimeoutMs, () => {
      const error = new Error('The broker does not acknowledge what was published.');
      attempt.link.abort(Object.assign(error, { code: 'ETIMEDOUT' }));
    });
  }

  #onMessage(message: IotMessage): void {
    for (const [filter, handlers] of this.#handlers) {
      if (!filterMatches(filter, message.topic)) continue;
      for (const handler of handlers) this.#handle(handler, message);
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

  #onEnd(attempt: Attempt, linkEnd: LinkEnd): void {
    if (attempt !== this.#attempt) return;
    this.#attempt = undefined;
    attempt.cancelAckTimeout();
    const wasConnected = this.#state === 'connected';
    const end = {
      ...this.#deps.endpoint,
      ...linkEnd,
      accepted: attempt.accepted,
      certificateExpired: expiryOf(this.#deps.endpoint) < this.#deps.clock.now(),
      pendingFilters: attempt.pendingFilters,
      pendingTopics: [...this.#inFlight].map(({ message }) => message.topic),
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
    if (failure.code === 'forbidden') this.#giveUpForbidden();
    if (wasConnected) for (const listener of this.#disconnectedListeners) listener(failure);
    this.#changesBefore = this.#deps.clock.monotonic() + decision.delayMs + standstillMs;
    this.#cancelWait = this.#deps.clock.after(decision.delayMs, () => {
      if (this.#openLink !== undefined) this.#connect(this.#openLink);
    });
  }

  #giveUpForbidden(): void {
    for (const inFlight of this.#inFlight) {
      inFlight.closes += 1;
      if (inFlight.closes < closesPerMessage) continue;
      inFlight.settle(
        new PublishError(
          'forbidden',
          `The broker closes the connection on ${inFlight.message.topic}; the message is given up.`,
        ),
      );
    }
  }
}

const leftOnPurpose: ConnectionFailure = {
  code: 'closed',
  sentence: 'The board connects anew by itself.',
  needsPerson: false,
};

/** The end of the board's certificate, in milliseconds since the epoch. */
function expiryOf({ certificate }: IotEndpoint): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { PartHealth } from '../part.ts';
import { type ConnectionFailure, classifyEnd, takenOver } from './connection-failure.ts';
import { InFlightMessages } from './in-flight-messages.ts';
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
  /** Called after every attempt that failed and every connection that ended. */
  onFailure?: (failure: ConnectionFailure) => void;
}

/** A connection attempt and the connection that came of it. */
interface Attempt {
  link: MqttLink;
  accepted: boolean;
  connectedAt?: number;
  pendingFilters: readonly string[];
}

/** `IotConnection` over links of a driver: MQTT 3.1.1 over mutual TLS. */
export class MqttConnection implements IotConnection {
  readonly name = 'iot';
  readonly #deps: MqttConnectionDependencies;
  readonly #policy: ReconnectPolicy;
  readonly #handlers = new Map<string, ((message: IotMessage) => void)[]>();
  readonly #inFlight: InFlightMessages;
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
  /** Whether the last connection ended so that a topic seems to be forbidden. */
  #endedForbidden = false;
  #cancelWait: () => void = () => {};
  /** When an attempt or a wait is over at the very latest, by the monotonic clock. */
  #changesBefore = Number.POSITIVE_INFINITY;

  constructor(deps: MqttConnectionDependencies) {
    this.#deps = deps;
    this.#policy = new ReconnectPolicy(deps.random);
    this.#inFlight = new InFlightMessages(deps.clock);
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
    this.#inFlight.suspend();
    await attempt?.link.close();
    this.#inFlight.abandonAll(new PublishError('stopped', 'The agent is stopping.'));
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
    this.#inFlight.suspend();
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
    return this.#inFlight.publish(attempt.link, message);
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
    const attempt: Attempt = { link, accepted: false, pendingFilters: [] };
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
    this.#inFlight.resend(attempt.link);
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
    this.#inFlight.suspend();
    const wasConnected = this.#state === 'connected';
    const end = {
      ...this.#deps.endpoint,
      ...linkEnd,
      accepted: attempt.accepted,
      certificateExpired: expiryOf(this.#deps.endpoint) < this.#deps.clock.now(),
      pendingFilters: attempt.pendingFilters,
      pendingTopics: this.#inFlight.topicsJustSent(),
    };
    const classified = classifyEnd(end);
    const decision = this.#policy.afterEnd({
      code: classified.code,
      ...(attempt.connectedAt === undefined
        ? {}
        : { connectedMs: this.#deps.clock.monotonic() - attempt.connectedAt }),
    });
    const failure = decision.takenOver ? takenOver(end) : classified;

    // Once may be a broker that restarts just then; a policy that forbids it does so again.
    const isForbidden = failure.code === 'forbidden';
    const mayPass = isForbidden && !this.#endedForbidden;
    this.#endedForbidden = isForbidden;
    this.#state = 'waiting';
    this.#lastFailure = failure;
    const level = failure.needsPerson && !mayPass ? 'error' : 'warn';
    this.#deps.logger[level]({ code: failure.code, retryInMs: decision.delayMs }, failure.sentence);
    if (isForbidden) this.#inFlight.noteForbidden();
    if (wasConnected) for (const listener of this.#disconnectedListeners) listener(failure);
    this.#deps.onFailure?.(failure);
    this.#changesBefore = this.#deps.clock.monotonic() + decision.delayMs + standstillMs;
    this.#cancelWait = this.#deps.clock.after(decision.delayMs, () => {
      if (this.#openLink !== undefined) this.#connect(this.#openLink);
    });
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

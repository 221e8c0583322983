import type { CredentialSource, TemporaryCredentials } from '../credentials/credential-source.ts';
import { Backoff } from '../host/backoff.ts';
import { Doubts, type DoubtsOptions } from './doubts.ts';
import type { ErrorDecision } from './error-decisions.ts';
import { failureOf } from './failure.ts';
import type { Connection, ConnectionListener } from './put-media-connection.ts';
import { type SessionEnd, UploadSession } from './upload-session.ts';

export interface ConnectRequest {
  credentials: TemporaryCredentials;
  /** Timecode of the first fragment to be sent. */
  producerStartMs: number;
  listener: ConnectionListener;
  signal: AbortSignal;
}

export interface UploadLoopOptions extends DoubtsOptions {
  credentials: CredentialSource;
  /** Finds the data endpoint and opens PutMedia there. */
  connect: (request: ConnectRequest) => Promise<Connection>;
  /** The data endpoint may have changed. */
  onRediscover: () => void;
  random: () => number;
  /** `connected` or `problem` may have changed. */
  onChange: () => void;
}

/** Connections are opened at most 4 times a second: the service allows 5 per stream (Developer Guide, "Limits"). */
const minAttemptSpacingMs = 250;
/** In the first minutes of an outage video must flow again soon after it ends; later the network is spared. */
const quickRetry = { baseMs: 250, capMs: 1_500 };
const slowRetry = { baseMs: 2_000, capMs: 15_000 };
const quickRetryForMs = 120_000;
/** What a person must mend is tried so rarely. */
const stoppedRetryMs = 60_000;
/** The service cuts a connection after 45 minutes (error 4003). */
const maxConnectionMs = 40 * 60_000;
/** How long before credentials expire the next connection is opened, and the random part of that. */
const rotationMarginMs = 60_000;
const rotationJitterMs = 30_000;
const firstAckTimeoutMs = 5_000;
const maxAckTimeoutMs = 60_000;
/** A session this old proves that its acknowledgements come in time. */
const stableMs = 60_000;
const drainTimeoutMs = 15_000;
/** Nothing to send for so long: the connection ends properly, before the service drops it after 30 s. */
const idleMs = 5_000;
/** A wall clock that moves so much against the monotonic one has been set, not slewed. */
const clockStepMs = 2_000;
/** A stop still waits for a cloud that has been out of reach no longer than this. */
const flushDespiteFailureMs = 2_000;

function stopped(): AbortController {
  const controller = new AbortController();
  controller.abort();
  return controller;
}

interface Lane {
  session: UploadSession;
  openedAt: number;
  rotateAt: number;
  credentialsExpireAt: number;
  lastActivity: { at: number; bytes: number };
}

export interface UploadProblem {
  message: string;
  /** Nothing but a person can mend it. */
  stopped: boolean;
}

/**
 * Keeps one session running while fragments wait: opens, opens again after a failure (full-jitter back-off within the
 * quota), and replaces it before its credentials or its time run out. During a replacement the new connection is
 * opened first and takes over with the next fragment, while the old one drains.
 */
export class UploadLoop {
  readonly #options: UploadLoopOptions;
  readonly #quick: Backoff;
  readonly #slow: Backoff;
  readonly #doubts: Doubts;
  readonly #draining = new Set<UploadSession>();
  #stopping = stopped();
  #active: Lane | undefined;
  #successor: Lane | undefined;
  #opening = false;
  #retryAt = 0;
  #lastAttemptAt = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #failingSince: number | undefined;
  #ackTimeoutMs = firstAckTimeoutMs;
  #problem: UploadProblem | undefined;
  #bytesOfEnded = 0;
  #attempts = 0;
  #refusedFragments = 0;
  #flushing = false;
  #onFlushed: (() => void) | undefined;
  #wallClockOffsetMs: number;
  /** When that was last noticed, monotonic. */
  #clockSetAt = Number.NEGATIVE_INFINITY;

  constructor(options: UploadLoopOptions) {
    this.#options = options;
    this.#quick = new Backoff({ ...quickRetry, random: options.random });
    this.#slow = new Backoff({ ...slowRetry, random: options.random });
    this.#doubts = new Doubts(options);
    this.#wallClockOffsetMs = options.clock.now() - options.clock.monotonic();
  }

  /** The service has accepted the connection that sends now. */
  get connected(): boolean {
    return this.#active?.session.accepted ?? false;
  }

  /**
   * It has accepted what was signed at the time of the board's clock, which has not been set since: the clock is right. What is as
   * old as it says may be given up.
   */
  get clockAccepted(): boolean {
    return this.connected && this.#active !== undefined && this.#active.openedAt > this.#clockSetAt;
  }

  /** What keeps video from flowing; undefined since the last received fragment. */
  get problem(): UploadProblem | undefined {
    return this.#problem;
  }

  /** Connections tried so far. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Fragments the service will never take. */
  get refusedFragments(): number {
    return this.#refusedFragments;
  }

  get bytesWritten(): number {
    return [...this.#sessions()].reduce((sum, session) => sum + session.bytesWritten, this.#bytesOfEnded);
  }

  /** From now on fragments are sent; before, and after `stop`, they wait. */
  start(): void {
    if (!this.#stopping.signal.aborted) return;
    this.#stopping = new AbortController();
    this.#problem = undefined;
    this.#retryAt = 0;
  }

  /** Something may be sent: new pictures, a fragment given back. */
  advance(): void {
    if (this.#stopping.signal.aborted) return;
    this.#active?.session.pump();
    if (this.#active?.session.finishing) this.#retire(this.#active);
    if (this.#active === undefined && this.#options.buffer.nextWaiting() !== undefined)
      this.#openWhenAllowed();
    if (this.#flushing && this.#flushed) this.#onFlushed?.();
  }

  /** To be called about once a second. */
  housekeep(): void {
    for (const session of this.#sessions()) session.checkTimeouts();
    this.#retryIfClockWasSet();
    this.#retireIfIdle();
    this.#rotateIfDue();
    this.advance();
  }

  /**
   * Ends properly: sends what waits, gives the last fragment its end and waits until all is persisted, up to
   * `timeoutMs`. While the cloud cannot be reached it does not wait. Nothing is left open.
   */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#flushing = true;
    this.#active?.session.finishWhenEmpty();
    this.advance();
    if (!this.#flushed) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.after(timeoutMs, resolve);
        this.#onFlushed = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#flushing = false;
    this.#onFlushed = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#stopping.abort();
    for (const session of this.#sessions()) session.abandon();
  }

  /** All is persisted, or nothing can be done about it now. */
  get #flushed(): boolean {
    const busy = this.#active !== undefined || this.#draining.size > 0;
    const hopeless =
      this.#problem?.stopped === true ||
      (this.#failingSince !== undefined &&
        this.#options.clock.monotonic() - this.#failingSince > flushDespiteFailureMs);
    return !busy && (hopeless || this.#options.buffer.nextWaiting() === undefined);
  }

  *#sessions(): Generator<UploadSession> {
    if (this.#active !== undefined) yield this.#active.session;
    if (this.#successor !== undefined) yield this.#successor.session;
    yield* this.#draining;
  }

  /** Signatures and credentials that a wrong clock spoiled may be good now. */
  #retryIfClockWasSet(): void {
    const { clock } = this.#options;
    const offsetMs = clock.now() - clock.monotonic();
    const stepMs = Math.abs(offsetMs - this.#wallClockOffsetMs);
    this.#wallClockOffsetMs = offsetMs;
    if (stepMs < clockStepMs) return;
    this.#clockSetAt = clock.monotonic();
    this.#retryAt = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #openWhenAllowed(): void {
    if (this.#opening || this.#cancelTimer !== undefined) return;
    const now = this.#options.clock.monotonic();
    const waitMs = Math.max(this.#retryAt, this.#lastAttemptAt + minAttemptSpacingMs) - now;
    if (waitMs <= 0) {
      void this.#open();
      return;
    }
    this.#cancelTimer = this.#options.clock.after(waitMs, () => {
      this.#cancelTimer = undefined;
      this.advance();
    });
  }

  /** Opens a connection: the first one, or a successor of the active one. */
  async #open(): Promise<void> {
    const { clock, credentials, connect, buffer } = this.#options;
    const { signal } = this.#stopping;
    this.#opening = true;
    this.#lastAttemptAt = clock.monotonic();
    try {
      const current = await credentials.get();
      const expiresAt = current.expiresAt.getTime();
      // A successor with the same credentials would have to be replaced at the same time.
      if (
        this.#active !== undefined &&
        expiresAt <= this.#active.credentialsExpireAt &&
        this.#expiryBinds(this.#active)
      )
        return this.#postponeRotation(this.#active);
      await this.#doubts.settle(signal);
      if (this.#active === undefined && buffer.nextWaiting() === undefined) return;
      const lane = this.#newLane(expiresAt);
      this.#attempts++;
      this.#lastAttemptAt = clock.monotonic();
      const producerStartMs = buffer.nextWaiting()?.timecodeMs ?? clock.now();
      const connection = await connect({
        credentials: current,
        producerStartMs,
        listener: lane.session,
        signal,
      });
      lane.session.attach(connection);
      if (signal.aborted) return lane.session.abandon();
      this.#enter(lane);
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(...failureOf(error));
    } finally {
      this.#opening = false;
    }
    this.advance();
  }

  #enter(lane: Lane): void {
    if (this.#flushing) lane.session.finishWhenEmpty();
    if (this.#active === undefined) this.#active = lane;
    else if (lane.session.ready) this.#cutOver(lane);
    else this.#successor = lane;
  }

  /** The successor takes the next fragment; the old session ends with the one it is sending. */
  #cutOver(successor: Lane): void {
    const old = this.#active;
    this.#successor = undefined;
    this.#active = successor;
    if (old !== undefined) this.#drain(old.session);
    this.advance();
  }

  #retire(lane: Lane): void {
    if (this.#active === lane) this.#active = undefined;
    this.#drain(lane.session);
  }

  #drain(session: UploadSession): void {
    this.#draining.add(session);
    session.finish();
  }

  #newLane(credentialsExpireAt: number): Lane {
    const { clock, random } = this.#options;
    const openedAt = clock.monotonic();
    const remainingMs = credentialsExpireAt - clock.now();
    const credentialsMs = Math.max(
      remainingMs / 2,
      remainingMs - rotationMarginMs - random() * rotationJitterMs,
    );
    const lane: Lane = {
      session: new UploadSession({
        buffer: this.#options.buffer,
        clock,
        ackTimeoutMs: this.#ackTimeoutMs,
        drainTimeoutMs,
        onReady: () => {
          if (this.#successor === lane) this.#cutOver(lane);
          this.#options.onChange();
        },
        onReceived: () => this.#noteSuccess(lane),
        onPersisted: () => this.#options.onPersisted(),
        onRefusedFragment: (fragment, { name, advice }) => {
          this.#refusedFragments++;
          this.#options.logger.error(
            { timecodeMs: fragment.timecodeMs, error: name },
            `fragment given up: ${advice}`,
          );
        },
        onEnd: (end) => this.#onEnd(lane, end),
      }),
      openedAt,
      rotateAt: openedAt + Math.min(maxConnectionMs, credentialsMs),
      credentialsExpireAt,
      lastActivity: { at: openedAt, bytes: 0 },
    };
    return lane;
  }

  #rotateIfDue(): void {
    const lane = this.#active;
    if (lane === undefined || this.#successor !== undefined || this.#opening) return;
    const now = this.#options.clock.monotonic();
    if (now >= lane.rotateAt && now >= this.#retryAt && now >= this.#lastAttemptAt + minAttemptSpacingMs)
      void this.#open();
  }

  /** It is the credentials, not the age of the connection, that ask for a successor. */
  #expiryBinds(lane: Lane): boolean {
    return this.#options.clock.monotonic() - lane.openedAt < maxConnectionMs;
  }

  #postponeRotation(lane: Lane): void {
    const { clock } = this.#options;
    const remainingMs = lane.credentialsExpireAt - clock.now();
    lane.rotateAt = clock.monotonic() + Math.max(1_000, Math.min(10_000, remainingMs / 4));
  }

  #retireIfIdle(): void {
    const lane = this.#active;
    if (lane === undefined) return;
    const now = this.#options.clock.monotonic();
    const bytes = lane.session.bytesWritten;
    if (bytes !== lane.lastActivity.bytes || !lane.session.idle) lane.lastActivity = { at: now, bytes };
    else if (now - lane.lastActivity.at >= idleMs) this.#retire(lane);
  }

  #onEnd(lane: Lane, end: SessionEnd): void {
    const { session } = lane;
    this.#bytesOfEnded += session.bytesWritten;
    const wasSuccessor = this.#successor === lane;
    if (this.#active === lane) this.#active = undefined;
    if (wasSuccessor) this.#successor = undefined;
    this.#draining.delete(session);
    if (end.kind === 'lost') this.#doubts.noteLoss();
    if (end.kind === 'lost' && !this.#stopping.signal.aborted) this.#onLost(end, wasSuccessor);
    this.advance();
    this.#options.onChange();
  }

  #onLost({ decision, message }: SessionEnd & { kind: 'lost' }, wasSuccessor: boolean): void {
    if (decision.name === 'NO_ACKNOWLEDGEMENT')
      this.#ackTimeoutMs = Math.min(maxAckTimeoutMs, this.#ackTimeoutMs * 2);
    this.#noteFailure(decision, message);
    // Where the service insists on one connection, the old one has to be gone before the new one comes.
    if (wasSuccessor && decision.name === 'ConnectionLimitExceededException' && this.#active !== undefined)
      this.#retire(this.#active);
  }

  #noteSuccess(lane: Lane): void {
    this.#failingSince = undefined;
    this.#problem = undefined;
    this.#quick.reset();
    this.#slow.reset();
    if (this.#options.clock.monotonic() - lane.openedAt >= stableMs) this.#ackTimeoutMs = firstAckTimeoutMs;
    this.#options.onChange();
  }

  #noteFailure(decision: ErrorDecision, message: string): void {
    const { clock, logger } = this.#options;
    const now = clock.monotonic();
    this.#failingSince ??= now;
    const stopped = decision.decision === 'stop';
    if (decision.decision === 'rediscover') this.#options.onRediscover();
    // What a person mends, a role for instance, may take effect only in credentials that are issued afterwards.
    if (decision.decision === 'renew' || stopped) this.#options.credentials.forget();
    const backoff = now - this.#failingSince < quickRetryForMs ? this.#quick : this.#slow;
    const delayMs = stopped ? stoppedRetryMs : backoff.next();
    this.#retryAt = now + delayMs;
    const repeated = this.#problem?.message === message;
    this.#problem = { message, stopped };
    const level = repeated ? 'debug' : stopped ? 'error' : 'warn';
    logger[level]({ error: decision.name, delayMs }, message);
    this.#options.onChange();
  }
}

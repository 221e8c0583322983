import { Backoff } from '../host/backoff.ts';
import type { FailureCode } from './connection-failure.ts';

/** Waits grow from 1 s to 128 s, as AWS Device Advisor's back-off tests ask for. */
const baseMs = 1_000;
const capMs = 128_000;
/** Only a connection that held this long proves that the next failure is a new one. */
const stableMs = 60_000;
/** So many connections in a row, each closed by the broker within `briefMs` with nothing outstanding, is a fight. */
const takeOversBeforeHoldingBack = 3;
const briefMs = 5 * 60_000;
/** While two clients fight for one id, this one steps aside for 5 to 10 minutes at a time. */
const holdBackMs = 600_000;

export interface EndedConnection {
  code: FailureCode;
  /** How long the connection was established, in milliseconds; absent when it never was. */
  connectedMs?: number;
}

export interface ReconnectDecision {
  delayMs: number;
  takenOver: boolean;
}

/** When to try again, from how connections ended so far. Pure but for `random`, uniform in [0, 1). */
export class ReconnectPolicy {
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #briefCloses = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.#backoff = new Backoff({ baseMs, capMs, random });
  }

  afterEnd({ code, connectedMs }: EndedConnection): ReconnectDecision {
    const brief = code === 'closed' && connectedMs !== undefined && connectedMs < briefMs;
    this.#briefCloses = brief ? this.#briefCloses + 1 : 0;
    if (this.#briefCloses >= takeOversBeforeHoldingBack)
      return { delayMs: Math.round((holdBackMs / 2) * (1 + this.#random())), takenOver: true };
    if (connectedMs !== undefined && connectedMs >= stableMs) this.#backoff.reset();
    return { delayMs: this.#backoff.next(), takenOver: false };
  }
}

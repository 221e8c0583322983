/** Whether a part does its job now; `detail` says in one sentence what it is doing or what keeps it from it. */
export interface PartHealth {
  ok: boolean;
  detail: string;
  /** It has come to a standstill that nothing but a new start of the program ends. Never for what lies outside the board. */
  stuck?: boolean;
}

/**
 * One piece of the agent with a life of its own. `start` resolves once the part runs (what it waits for, such as the
 * network, it goes on trying in the background) and rejects only for what no retry can mend; an aborted `signal` ends
 * a start half-way. `start` and `stop` may both be called twice.
 */
export interface Part {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  health(): PartHealth;
}

/** Work that comes round by the clock, once for all instances together. */
export interface ScheduledJob {
  /** Unique, e.g. `entitlements.expire`: names its row, its log lines and its metrics. */
  name: string;
  everySeconds: number;
  /**
   * Does what is due and tells how much that was, e.g. `{ expired: 3 }`. It may run again after a crash, so it must be
   * repeatable; it works in small transactions and ends early when the signal is aborted.
   */
  run(signal: AbortSignal): Promise<Record<string, number>>;
}

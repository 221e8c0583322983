/** Time as the agent sees it. Everything that waits takes one of these, so that tests move time by hand. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. Jumps when somebody sets it: never subtract two of these. */
  now(): number;
  /** Milliseconds since some fixed moment; never jumps. */
  monotonic(): number;
  /** Calls `fn` once after `ms` milliseconds; the answer cancels it. A pending call alone keeps no process alive. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

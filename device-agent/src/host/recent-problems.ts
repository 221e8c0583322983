import type { Clock } from './clock.ts';

export interface Problem {
  part: string;
  /** What is wrong and what to do, as logged. */
  sentence: string;
  level: 'warn' | 'error';
  /** Milliseconds since the epoch, of the latest occurrence. */
  at: number;
  count: number;
}

const kept = 10;

/** The last few different warnings and errors, for `aovis-agent status`. */
export class RecentProblems {
  readonly #clock: Pick<Clock, 'now'>;
  #problems: Problem[] = [];

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  add(part: string, level: Problem['level'], sentence: string): void {
    const same = this.#problems.find((problem) => problem.part === part && problem.sentence === sentence);
    const others = this.#problems.filter((problem) => problem !== same);
    const latest = { part, sentence, level, at: this.#clock.now(), count: (same?.count ?? 0) + 1 };
    this.#problems = [latest, ...others].slice(0, kept);
  }

  /** Latest first. */
  list(): readonly Problem[] {
    return this.#problems;
  }
}

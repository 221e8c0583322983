/** A difference between disk, journal, AWS IoT and backend. */
export interface Finding {
  /** A serial, or the name of what no board of the journal has. */
  subject: string;
  problem: string;
  /** What would mend it. Repeating it changes nothing. */
  repair?: { does: string; run: () => Promise<void> };
  /** What somebody can do where a program must not decide. */
  advice?: string;
}

/** Adds a finding for each problem, all with the same advice. */
export function findingsOf(subject: string, problems: readonly string[], advice: string): Finding[] {
  return problems.map((problem) => ({ subject, problem, advice }));
}

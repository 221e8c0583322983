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

/** The board has got another certificate by a job since it was handed over. */
export function renewedInTheField(subject: string, where: string, certificateId: string): Finding {
  return {
    subject,
    problem: `the board has renewed its certificate in the field (job rotate-certificate): ${where} has ${certificateId}`,
    advice:
      'nothing is wrong; the certificate of this workspace opens nothing any more, so do not put its bundle back on the board. ' +
      `To provision the board anew: aovis-provision device rotate ${subject}`,
  };
}

import { dirname, join } from 'node:path';
import { findLastAnchor } from '../audit/last-anchor.ts';
import { Refusal } from '../refusal.ts';
import { findHighWater, highWaterPath, type LineMark } from './high-water.ts';

/** A line that the journal must have. */
export interface KnownLine extends LineMark {
  /** Where that is written. */
  saidBy: string;
}

/**
 * Lines that are known to have been in the journal, from the mark and the audit log beside it. To be asked before the
 * journal is read: a run that is at work only adds to it.
 */
export async function knownLines(journalPath: string): Promise<KnownLine[]> {
  const markPath = highWaterPath(journalPath);
  const auditPath = join(dirname(journalPath), 'audit.jsonl');
  const [mark, anchor] = [findHighWater(markPath), await findLastAnchor(auditPath)];
  return [
    ...(mark ? [{ ...mark, saidBy: markPath }] : []),
    ...(anchor
      ? [{ seq: anchor.seq, sha256: anchor.sha256, saidBy: `line ${anchor.saidBy} of ${auditPath}` }]
      : []),
  ];
}

/** Refuses a journal of which whole lines are missing at the end: what was done last would be done again. */
export function refuseCut(journalPath: string, lines: number, known: readonly KnownLine[]): void {
  const [furthest] = known.toSorted((a, b) => b.seq - a.seq);
  if (!furthest || furthest.seq <= lines) return;
  const missing =
    furthest.seq === lines + 1 ? `line ${furthest.seq} is` : `lines ${lines + 1} to ${furthest.seq} are`;
  throw new Refusal(
    'journal',
    `The journal ${journalPath} has ${lines} lines, but ${missing} missing (${furthest.saidBy} knows of them): its ` +
      'end was cut off, and boards that were made last would be made again. Put back the file as it was, or the ' +
      'last good copy of the whole workspace; nothing was changed.',
  );
}

/** Refuses a journal whose line is another one than was seen there. */
export function refuseReplaced(journalPath: string, line: LineMark, known: readonly KnownLine[]): void {
  const other = known.find(({ seq, sha256 }) => seq === line.seq && sha256 !== line.sha256);
  if (!other) return;
  throw new Refusal(
    'journal',
    `Line ${line.seq} of the journal ${journalPath} is not the one that ${other.saidBy} knows: the journal was ` +
      'replaced. Put back the file as it was, or the last good copy of the whole workspace; nothing was changed.',
  );
}

import { createHash } from 'node:crypto';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { Refusal } from '../refusal.ts';
import { auditGenesis, auditPath, readAudit, wholeLines } from './audit-log.ts';
import type { AuditEntry } from './audit-records.ts';
import type { JournalHead } from './journal-head.ts';

export interface AuditVerification {
  entries: number;
  /** SHA-256 of the last line: noted elsewhere, it proves later that nothing before it was changed or cut off. */
  head: string;
  journalLines: number;
  /** How many ends of commands name a line of the journal, and found it. */
  anchors: number;
  /** Begun and never ended: killed, or still running. */
  open: AuditEntry[];
}

/**
 * Checks both chains line by line, that the journal has every line which the audit log saw in it, and that the log has
 * the `noted` line. Refuses (exit code 8) with the first thing that is not so.
 */
export async function verifyAudit(workspace: string, noted?: JournalHead): Promise<AuditVerification> {
  const path = auditPath(workspace);
  const anchors = new Map<number, Anchor>();
  const open = new Map<number, AuditEntry>();
  let last = { seq: 0, sha256: auditGenesis };
  let foundNoted = noted === undefined;
  for await (const entry of readAudit(path)) {
    if (noted?.seq === entry.seq) {
      if (noted.sha256 !== entry.sha256) throw differs(path, noted);
      foundNoted = true;
    }
    follow(entry, open, anchors, path);
    last = entry;
  }
  if (noted && !foundNoted) throw cutOff(path, noted, last.seq);
  const { seq: journalLines } = await replayJournal(journalPath(workspace));
  await checkAnchors(journalPath(workspace), anchors);
  return {
    entries: last.seq,
    head: last.sha256,
    journalLines,
    anchors: anchors.size,
    open: [...open.values()],
  };
}

interface Anchor {
  sha256: string;
  /** Line of the audit log. */
  saidBy: number;
}

function follow(
  entry: AuditEntry,
  open: Map<number, AuditEntry>,
  anchors: Map<number, Anchor>,
  path: string,
): void {
  const { record, seq } = entry;
  if (record.type === 'command_begun') open.set(seq, entry);
  if (record.type !== 'command_ended') return;
  if (!open.delete(record.begun))
    throw new Refusal(
      'journal',
      `Line ${seq} of the audit log ${path} ends a command that never began (line ${record.begun}).`,
    );
  if (record.journal) anchors.set(record.journal.seq, { sha256: record.journal.sha256, saidBy: seq });
}

async function checkAnchors(path: string, anchors: ReadonlyMap<number, Anchor>): Promise<void> {
  let number = 0;
  const missing = new Map(anchors);
  for await (const line of wholeLines(path)) {
    number += 1;
    const anchor = anchors.get(number);
    if (!anchor) continue;
    missing.delete(number);
    if (createHash('sha256').update(line).digest('hex') !== anchor.sha256)
      throw new Refusal(
        'journal',
        `Line ${number} of the journal ${path} is not the one that line ${anchor.saidBy} of the audit log saw: the ` +
          'journal was replaced. Put back the last good copy.',
      );
  }
  const [first] = missing;
  if (first)
    throw new Refusal(
      'journal',
      `The journal ${path} has ${number} lines, but line ${first[1].saidBy} of the audit log saw line ${first[0]}: its ` +
        'end was cut off. Put back the last good copy.',
    );
}

function differs(path: string, { seq }: JournalHead): Refusal {
  return new Refusal(
    'journal',
    `Line ${seq} of the audit log ${path} is not the one that was noted: the log was rewritten. Keep the file as it is ` +
      'for the inquiry.',
  );
}

function cutOff(path: string, { seq }: JournalHead, entries: number): Refusal {
  return new Refusal(
    'journal',
    `The audit log ${path} has ${entries} lines, but line ${seq} was noted: its end was cut off. Keep the file as it is ` +
      'for the inquiry.',
  );
}

import { auditPath, readAudit } from '../audit/audit-log.ts';
import type { AuditEntry } from '../audit/audit-records.ts';
import { verifyAudit } from '../audit/audit-verify.ts';
import type { JournalHead } from '../audit/journal-head.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';

export interface AuditShowFlags {
  /** ISO date or time. */
  since: string | undefined;
  operator: string | undefined;
  batchId: string | undefined;
  /** How many of the last entries. */
  last: number;
}

const longestMessage = 60;

/** The last entries of the audit log, its chain checked on the way. */
export async function auditShow(context: CommandContext, flags: AuditShowFlags): Promise<void> {
  const { terminal, workspace } = context;
  const since = flags.since === undefined ? undefined : timeOf(flags.since);
  const concernsBatch = batchFilter(flags.batchId);
  const entries: AuditEntry[] = [];
  for await (const entry of readAudit(auditPath(workspace))) {
    if (!concernsBatch(entry)) continue;
    if (since !== undefined && Date.parse(entry.at) < since) continue;
    if (flags.operator !== undefined && entry.operator !== flags.operator) continue;
    entries.push(entry);
    if (entries.length > flags.last) entries.shift();
  }
  const rows = entries.map((entry) => [String(entry.seq), entry.at, entry.operator, ...describe(entry)]);
  terminal.result(
    { entries: entries.map(({ record, ...rest }) => ({ ...rest, ...record })) },
    rows.length === 0
      ? ['The audit log has no such entry.']
      : terminal.table([['line', 'when', 'who', 'what', 'how'], ...rows]),
  );
}

/** Checks audit log and journal, and prints what an auditor writes down. */
export async function auditVerify(context: CommandContext, noted: string | undefined): Promise<void> {
  const { terminal, workspace } = context;
  const { entries, head, journalLines, anchors, open } = await verifyAudit(
    workspace,
    noted === undefined ? undefined : notedHeadOf(noted),
  );
  const note = `${entries}:${head}`;
  terminal.result(
    {
      entries,
      head: note,
      journal_lines: journalLines,
      journal_lines_seen: anchors,
      not_ended: open.map(({ seq, at, operator }) => ({ seq, at, operator })),
      noted_found: noted === undefined ? undefined : true,
    },
    [
      `The audit log has ${entries} lines and its chain holds; so does the journal’s (${counted(journalLines, 'line')}), ` +
        `seen ${anchors} times by the log.`,
      ...(noted === undefined ? [] : [`Line ${noted.split(':')[0]} is the one that was noted.`]),
      ...open.map(
        ({ seq, at, operator }) =>
          `Line ${seq} (${at}, ${operator}) began and did not end: killed, or running.`,
      ),
      `Note this, away from this computer: ${note}`,
    ],
  );
}

function describe({ record }: AuditEntry): [what: string, how: string] {
  switch (record.type) {
    case 'command_begun':
      return [`${record.command} begins`, record.words.join(' ')];
    case 'command_ended':
      return [`${record.command} ends`, `line ${record.begun}, ${endingOf(record)}`];
    case 'labels_printed':
      return [
        record.reason === undefined ? 'labels printed' : 'labels printed AGAIN',
        `${record.batch_id}: ${counted(record.labels.length, 'label')}, ${record.format}` +
          (record.reason === undefined ? '' : `, because: ${record.reason}`),
      ];
    case 'labels_scanned_so_far':
      return ['labels scanned', `${record.batch_id}: ${counted(record.labels.length, 'label')}`];
    case 'label_scans_restarted':
      return ['scan-back begun anew', record.batch_id];
    case 'labels_scanned':
      return [
        'labels scanned back',
        `${record.batch_id}: ${counted(record.labels, 'label')}, ${record.complete ? 'complete' : 'not complete'}`,
      ];
  }
}

function endingOf({ exit_code, message }: { exit_code: number; message?: string | undefined }): string {
  return exit_code === 0 ? 'done' : `exit code ${exit_code}: ${shortened(message ?? '')}`;
}

/** The whole sentence is in the answer with `--json`. */
function shortened(message: string): string {
  return message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`;
}

/** What names the batch, and the ends of such commands. */
function batchFilter(batchId: string | undefined): (entry: AuditEntry) => boolean {
  if (batchId === undefined) return () => true;
  const begun = new Set<number>();
  return ({ seq, record }) => {
    switch (record.type) {
      case 'labels_printed':
      case 'labels_scanned_so_far':
      case 'label_scans_restarted':
      case 'labels_scanned':
        return record.batch_id === batchId;
      case 'command_ended':
        return begun.delete(record.begun);
      case 'command_begun':
        if (!record.words.some((word) => names(word, batchId))) return false;
        begun.add(seq);
        return true;
    }
  };
}

/** `boards`, `--batch=boards`, `--to-batch=boards` or `path/to/boards.csv`. */
function names(word: string, batchId: string): boolean {
  if ([batchId, `--batch=${batchId}`, `--to-batch=${batchId}`].includes(word)) return true;
  return (
    !word.startsWith('-') &&
    word
      .split(/[/\\]/)
      .at(-1)
      ?.replace(/\.csv$/i, '') === batchId
  );
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new Refusal(
      'usage',
      `«${text}» is no time; give a date such as 2026-11-21 or 2026-11-21T14:00:00Z.`,
    );
  return time;
}

function notedHeadOf(text: string): JournalHead {
  const match = /^([1-9]\d{0,9}):([0-9a-f]{64})$/.exec(text.trim());
  if (!match)
    throw new Refusal(
      'usage',
      'What was noted has the form 123:… (line, colon, 64 hex digits); copy all of it.',
    );
  return { seq: Number(match[1]), sha256: match[2] ?? '' };
}

import { join } from 'node:path';
import { withoutCodes } from '@aovis/contracts/code-redaction';
import { exists } from '../files/durable-files.ts';
import { journalPath } from '../journal/journal.ts';
import { knownLines, refuseCut } from '../journal/known-lines.ts';
import { type Outcome, outcomeOf } from '../outcome.ts';
import { type AuditLog, auditPath } from './audit-log.ts';
import type { AuditRecord } from './audit-records.ts';
import { type JournalHead, journalHead } from './journal-head.ts';
import { findLastAnchor } from './last-anchor.ts';
import { withoutSecrets } from './redaction.ts';
import { readTail } from './tail.ts';

export interface AuditedCommand {
  /** `batch run`. */
  command: string;
  /** What was typed after it. */
  words: readonly string[];
  toolVersion: string;
  workspace: string;
  signal: AbortSignal;
}

const longestWords = 200;

/**
 * Runs a command that changes something, between a line of the audit log that says so and one that says how it
 * ended. The very first command finds no workspace to write into: its two lines are written together, once it has made
 * one, so that a command that was refused, or needs none, leaves no folder where somebody called it.
 */
export async function audited(
  log: AuditLog,
  what: AuditedCommand,
  work: (begun: () => Promise<number>) => Promise<void>,
): Promise<void> {
  let beginning: Promise<number> | undefined;
  const begin = () => {
    beginning ??= log.append(begunOf(what));
    return beginning;
  };
  if (await log.hasWorkspace()) await begin();
  const end = async (outcome: Outcome) => {
    if (await log.hasWorkspace()) await log.append(await endOf(what, await begin(), outcome));
  };
  try {
    await refuseCutJournal(what.workspace);
    await work(begin);
  } catch (error) {
    await end(outcomeOf(error, what.signal));
    throw error;
  }
  await end({ exitCode: 0 });
}

function begunOf({ command, words, toolVersion }: AuditedCommand): AuditRecord {
  const kept = words.slice(0, longestWords).map(withoutCodes);
  if (words.length > longestWords) kept.push(`… and ${words.length - longestWords} more`);
  return { type: 'command_begun', command, words: kept, tool_version: toolVersion };
}

async function endOf(what: AuditedCommand, begun: number, outcome: Outcome): Promise<AuditRecord> {
  const journal = await anchorNow(what.workspace);
  return {
    type: 'command_ended',
    command: what.command,
    begun,
    exit_code: outcome.exitCode,
    ...(outcome.message === undefined ? {} : { message: withoutSecrets(outcome.message) }),
    ...(journal ? { journal } : {}),
  };
}

/** The journal's last line, where it is one to hold on to. */
async function anchorNow(workspace: string): Promise<JournalHead | undefined> {
  const head = await journalHead(journalPath(workspace));
  // While a run has the journal, its last line may not be on the disk yet.
  if (await exists(join(workspace, 'journal.lock'))) return undefined;
  // Of a journal that lost its end, the end that is left is no witness.
  const before = await findLastAnchor(auditPath(workspace));
  return head && before && head.seq < before.seq ? undefined : head;
}

/** The commands that do not read the whole journal are not to go on beside one that was cut off, either. */
async function refuseCutJournal(workspace: string): Promise<void> {
  const path = journalPath(workspace);
  const known = await knownLines(path);
  const [{ line }, head] = [await readTail(path), await journalHead(path)];
  // A last line that is damaged is named by whoever reads the journal.
  if (!line || head) refuseCut(path, head?.seq ?? 0, known);
}

import { execFile } from 'node:child_process';
import * as z from 'zod';
import { type EntryLevel, type LogEntry, parseLine } from './log-entry.ts';

/** The service that the package installs. */
export const serviceUnit = 'aovis-agent.service';

const maxBytes = 64 * 1024 * 1024;
const timeoutMs = 20_000;

/** Fields of systemd.journal-fields(7); MESSAGE is an array of bytes when it is not UTF-8, null when it is too long. */
const recordSchema = z.object({
  MESSAGE: z.union([z.string(), z.array(z.number()), z.null()]),
  PRIORITY: z.coerce.number().default(6),
  __REALTIME_TIMESTAMP: z.coerce.number(),
});

/** syslog's numbers, `warning` and above. */
const levelOf = (priority: number): EntryLevel =>
  priority <= 3 ? 'error' : priority === 4 ? 'warn' : priority === 7 ? 'debug' : 'info';

/** Priorities up to which journalctl is asked for a level. */
const priorities: Record<EntryLevel, string> = { debug: '7', info: '6', warn: '4', error: '3' };

export interface JournalQuery {
  lines: number;
  level: EntryLevel;
}

/**
 * The service's last lines in the journal, its own and what systemd says of it; none where there is no journal or this user
 * may not read it.
 */
export async function readJournal(
  { lines, level }: JournalQuery,
  program = 'journalctl',
): Promise<LogEntry[]> {
  const flags = ['--output', 'json', '--no-pager', '--quiet', '--lines', String(lines)];
  const text = await run(program, ['--unit', serviceUnit, '--priority', priorities[level], ...flags]);
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const record = recordSchema.safeParse(JSON.parse(line));
    return record.success ? [entryOf(record.data)] : [];
  });
}

function entryOf({ MESSAGE, PRIORITY, __REALTIME_TIMESTAMP }: z.infer<typeof recordSchema>): LogEntry {
  const text = Array.isArray(MESSAGE) ? Buffer.from(MESSAGE).toString() : (MESSAGE ?? '(too long)');
  return parseLine(text, { at: Math.floor(__REALTIME_TIMESTAMP / 1_000), level: levelOf(PRIORITY) });
}

/** Its standard output; empty when the program is missing or fails. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: maxBytes, timeout: timeoutMs }, (error, stdout) =>
      resolve(error === null ? stdout : ''),
    );
  });
}

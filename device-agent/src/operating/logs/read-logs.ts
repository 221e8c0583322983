import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logFileNames } from '../../host/log-file.ts';
import { isCode } from '../../status/status-client.ts';
import type { JournalQuery } from './journal.ts';
import { isAtLeast, type LogEntry, parseLine } from './log-entry.ts';

export interface LogQuery extends JournalQuery {
  /** Directory of the log file. */
  directory: string;
  /** The service's journal; absent for an agent that is not the service. */
  readJournal?: (query: JournalQuery) => Promise<LogEntry[]>;
}

/** The last lines of the agent, oldest first, without secrets: from the journal and from the log file, wherever there are some. */
export async function readLogs({ directory, readJournal, lines, level }: LogQuery): Promise<LogEntry[]> {
  const kept = (await readFiles(directory)).filter((entry) => isAtLeast(entry.level, level));
  const journal = (await readJournal?.({ lines, level })) ?? [];
  return [...kept, ...journal].sort((a, b) => (a.at ?? 0) - (b.at ?? 0)).slice(-lines);
}

async function readFiles(directory: string): Promise<LogEntry[]> {
  const texts = await Promise.all(logFileNames.map((name) => readIfThere(join(directory, name))));
  let at: number | undefined;
  return texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      // What has no time of its own, the middle of a torn line say, stays with the line before.
      const entry = parseLine(line, { at, level: 'info' });
      at = entry.at;
      return entry;
    });
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // The journal may be open to a user to whom the directory is not.
    if (isCode(error, 'ENOENT') || isCode(error, 'EACCES') || isCode(error, 'ENOTDIR')) return '';
    throw error;
  }
}

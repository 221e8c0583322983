import { fstatSync } from 'node:fs';
import { type DestinationStream, pino } from 'pino';
import type { LogFile } from './log-file.ts';
import { redact } from './redact.ts';

const standardError = 2;

/** syslog's numbers (RFC 5424, 6.2.1) for pino's. */
const priorities: readonly [atLeast: number, priority: number][] = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
];
const debugPriority = 7;

/** Whether standard error goes to journald (systemd.exec(5), `$JOURNAL_STREAM`). */
export function isJournal(journalStream: string | undefined, descriptor = standardError): boolean {
  if (journalStream === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return journalStream === `${dev}:${ino}`;
}

export interface LogDestinationOptions {
  /** Lines begin with `<n>`, the priority that journald takes from there (sd-daemon(3)). */
  journal: boolean;
  /** Where lines go; standard error unless told. */
  stream?: DestinationStream;
}

/** Where the agent's lines go: standard error, and a file from the moment there is a directory for it. Without secrets. */
export class LogDestination implements DestinationStream {
  readonly #stream: DestinationStream;
  readonly #journal: boolean;
  #file: LogFile | undefined;
  /** pino sets `lastLevel` before each line of a stream that asks for it so. */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 30;

  constructor({ journal, stream }: LogDestinationOptions) {
    this.#journal = journal;
    this.#stream = stream ?? pino.destination({ dest: standardError, sync: true });
  }

  /** From now on lines are kept there too. */
  keepIn(file: LogFile): void {
    this.#file = file;
  }

  write(line: string): void {
    const safe = redact(line);
    this.#stream.write(this.#journal ? `<${priorityOf(this.lastLevel)}>${safe}` : safe);
    this.#file?.write(safe);
  }
}

function priorityOf(level: number): number {
  return priorities.find(([atLeast]) => level >= atLeast)?.[1] ?? debugPriority;
}

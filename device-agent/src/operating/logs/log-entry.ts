import * as z from 'zod';
import { redact } from '../../host/redact.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type EntryLevel = (typeof logLevels)[number];

/** One line of the log, wherever it was kept. */
export interface LogEntry {
  /** Milliseconds since the epoch; unknown of what no clock stood beside. */
  at: number | undefined;
  level: EntryLevel;
  part?: string;
  message: string;
  /** What else stands in the line, without secrets: which job, with what outcome; the error with its stack. */
  details?: Readonly<Record<string, unknown>>;
}

/** As the agent's logger writes them. */
const lineSchema = z.looseObject({
  level: z.enum(logLevels),
  time: z.iso.datetime(),
  part: z.string().optional(),
  msg: z.string().optional(),
  err: z.looseObject({ message: z.string() }).optional(),
});

/** What is no line of the agent's own logger is taken as it is: Node.js's last words in a crash, for instance. */
export function parseLine(text: string, otherwise: Pick<LogEntry, 'at' | 'level'>): LogEntry {
  const parsed = lineSchema.safeParse(parseJson(text));
  if (!parsed.success) return { ...otherwise, message: redact(text) };
  const { level, time, part, msg, ...rest } = parsed.data;
  return {
    at: Date.parse(time),
    level,
    ...(part === undefined ? {} : { part }),
    message: redact(msg ?? rest.err?.message ?? text),
    ...(Object.keys(rest).length === 0 ? {} : { details: redactDetails(rest) }),
  };
}

/** As text, in which a field whose name says secret is told as well as a value that looks like one. */
function redactDetails(details: object): Readonly<Record<string, unknown>> {
  const text = redact(JSON.stringify(details));
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(text));
  return parsed.success ? parsed.data : { text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isAtLeast(level: EntryLevel, least: EntryLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least);
}

/** `2026-11-21T09:00:00.000Z WARN  iot: The name … cannot be resolved. retryInMs=970` */
export function renderEntry({ at, level, part, message, details = {} }: LogEntry): string {
  const time = at === undefined ? '-' : new Date(at).toISOString();
  const sentence = `${part === undefined ? '' : `${part}: `}${message}`;
  const fields = Object.entries(details).map(([name, value]) => `${name}=${renderValue(value)}`);
  return [time.padEnd(24), level.toUpperCase().padEnd(5), sentence, ...fields].join(' ');
}

/** A line for programs: as the entry, its time as ISO 8601 in `logged_at`. */
export function entryAsJson({ at, ...entry }: LogEntry): string {
  return JSON.stringify({ ...(at === undefined ? {} : { logged_at: new Date(at).toISOString() }), ...entry });
}

/** In one line, whatever it is. */
function renderValue(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}

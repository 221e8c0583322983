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
}

/** As the agent's logger writes them. */
const lineSchema = z.object({
  level: z.enum(logLevels),
  time: z.iso.datetime(),
  part: z.string().optional(),
  msg: z.string().optional(),
  err: z.object({ message: z.string() }).optional(),
});

/** What is no line of the agent's own logger is taken as it is: Node.js's last words in a crash, for instance. */
export function parseLine(text: string, otherwise: Pick<LogEntry, 'at' | 'level'>): LogEntry {
  const parsed = lineSchema.safeParse(parseJson(text));
  if (!parsed.success) return { ...otherwise, message: redact(text) };
  const { level, time, part, msg, err } = parsed.data;
  return {
    at: Date.parse(time),
    level,
    ...(part === undefined ? {} : { part }),
    message: redact(msg ?? err?.message ?? text),
  };
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

/** `2026-11-21T09:00:00.000Z WARN  iot: The name … cannot be resolved.` */
export function renderEntry({ at, level, part, message }: LogEntry): string {
  const time = at === undefined ? '-' : new Date(at).toISOString();
  return `${time.padEnd(24)} ${level.toUpperCase().padEnd(5)} ${part === undefined ? '' : `${part}: `}${message}`;
}

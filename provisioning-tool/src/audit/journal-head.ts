import { createHash } from 'node:crypto';
import { lineSchema } from '../journal/records.ts';
import { readTail } from './tail.ts';

export interface JournalHead {
  seq: number;
  /** Of the line's text, as the next line carries it in `prev`. */
  sha256: string;
}

/** The last line of the journal; undefined when there is none, or none that is whole. */
export async function journalHead(path: string): Promise<JournalHead | undefined> {
  const { line } = await readTail(path);
  if (!line) return undefined;
  const parsed = lineSchema.safeParse(parseOf(line));
  if (!parsed.success) return undefined;
  return { seq: parsed.data.seq, sha256: createHash('sha256').update(line).digest('hex') };
}

function parseOf(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}

import { open } from 'node:fs/promises';
import { systemCodeOf } from '../refusal.ts';
import { auditLineSchema, auditRecordSchema } from './audit-records.ts';

export interface Anchor {
  /** Of the journal's line. */
  seq: number;
  sha256: string;
  /** Number of the audit log's line. */
  saidBy: number;
}

const firstWindow = 1 << 16;

/**
 * The last end of a command in the audit log that says how far the journal was; read from the file's end. What cannot be
 * read there is passed over: `audit verify` is who judges the log.
 */
export async function findLastAnchor(path: string): Promise<Anchor | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    for (let window = firstWindow; ; window *= 8) {
      const start = Math.max(0, size - window);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
      const anchor = lines.reverse().map(anchorIn).find(Boolean);
      if (anchor || start === 0) return anchor;
    }
  } finally {
    await file.close();
  }
}

function anchorIn(line: string): Anchor | undefined {
  if (!line.includes('"type":"command_ended"')) return undefined;
  try {
    const {
      seq: saidBy,
      at: _at,
      prev: _prev,
      operator: _operator,
      host: _host,
      ...body
    } = auditLineSchema.parse(JSON.parse(line));
    const record = auditRecordSchema.parse(body);
    return record.type === 'command_ended' && record.journal ? { ...record.journal, saidBy } : undefined;
  } catch {
    return undefined;
  }
}

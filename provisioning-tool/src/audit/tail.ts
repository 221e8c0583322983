import { open } from 'node:fs/promises';
import { systemCodeOf } from '../refusal.ts';

/** Far more than the longest line of the journal or the audit log. */
const longestTail = 1 << 20;

export interface Tail {
  /** The last whole line, without its newline; absent in an empty file. */
  line: Buffer | undefined;
  /** Bytes up to the end of that line; what is beyond was torn by a power cut. */
  validBytes: number;
}

/** The end of a file of lines, without reading the rest; a missing file is empty. */
export async function readTail(path: string): Promise<Tail> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return { line: undefined, validBytes: 0 };
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - longestTail);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = buffer.subarray(0, bytesRead);
    const end = text.lastIndexOf(10);
    if (end === -1) return { line: undefined, validBytes: start };
    const begin = end === 0 ? 0 : text.lastIndexOf(10, end - 1) + 1;
    return { line: text.subarray(begin, end), validBytes: start + end + 1 };
  } finally {
    await file.close();
  }
}

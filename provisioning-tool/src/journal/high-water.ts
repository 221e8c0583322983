import { createHash } from 'node:crypto';
import { closeSync, constants, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { privateFileMode } from '../files/durable-files.ts';
import { systemCodeOf } from '../refusal.ts';

const markSchema = z.object({
  seq: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  check: z.string(),
});

/** A line of the journal: its number, and the SHA-256 of its text. */
export interface LineMark {
  seq: number;
  sha256: string;
}

/** Far more than a mark takes, and no more than a disk writes whole. */
const slotBytes = 512;

export function highWaterPath(journalPath: string): string {
  return `${journalPath}.head`;
}

/**
 * How far the journal reached, in a small file beside it: written after the journal's own sync and never synced itself before
 * the end of a run. So after a power cut it may tell of less than there is, never of more: a journal that is shorter than
 * its mark lost what was safely on the disk. Two slots take turns, lest a torn write leave none.
 */
export class HighWater {
  readonly #descriptor: number;
  #turn: number;

  private constructor(descriptor: number, turn: number) {
    this.#descriptor = descriptor;
    this.#turn = turn;
  }

  /** Makes the file if need be, and notes where the journal is now; the name is durable once its folder is synced. */
  static open(path: string, now: LineMark): HighWater {
    const slots = readSlots(path);
    const current = slots.findIndex((mark) => mark?.seq === now.seq && mark.sha256 === now.sha256);
    const file = new HighWater(openSync(path, openFlags, privateFileMode), current === 0 ? 1 : 0);
    if (current === -1) file.note(now);
    return file;
  }

  /** A few microseconds, once for each sync of the journal. */
  note({ seq, sha256 }: LineMark): void {
    if (seq === 0) return;
    const text = JSON.stringify({ seq, sha256, check: checkOf(seq, sha256) });
    writeSync(this.#descriptor, `${text.padEnd(slotBytes - 1)}\n`, this.#turn * slotBytes);
    this.#turn = 1 - this.#turn;
  }

  close(): void {
    try {
      fdatasyncSync(this.#descriptor);
    } finally {
      closeSync(this.#descriptor);
    }
  }
}

/** Read and write, made if missing, kept if there. */
const openFlags = constants.O_RDWR | constants.O_CREAT;

/** Undefined when nothing was noted, or nothing whole. */
export function findHighWater(path: string): LineMark | undefined {
  const [first, second] = readSlots(path);
  return !second || (first && first.seq > second.seq) ? first : second;
}

function readSlots(path: string): (LineMark | undefined)[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return [text.slice(0, slotBytes), text.slice(slotBytes)].map(markIn);
}

function markIn(slot: string): LineMark | undefined {
  try {
    const { seq, sha256, check } = markSchema.parse(JSON.parse(slot));
    return check === checkOf(seq, sha256) ? { seq, sha256 } : undefined;
  } catch {
    return undefined;
  }
}

function checkOf(seq: number, sha256: string): string {
  return createHash('sha256').update(`${seq} ${sha256}`).digest('hex').slice(0, 16);
}

import { createHash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from '../host/crc32.ts';
import type { Fragment } from './fragment.ts';

/**
 * A fragment in a file of its own, numbers big-endian:
 *
 *     'AVF1' | header bytes u32 | body bytes u32 | first, last timecode f64 each | CRC-32 of that and the header u32
 *     SHA-256 of the body | header: what begins the segment's connection | body: the fragment as it goes over the wire
 *
 * The short checksum lets a start read heads alone; the long one, which native code computes, covers the pictures.
 */
const magic = Buffer.from('AVF1');
const crcAt = 28;
const digestAt = 32;
const headBytes = 64;
/** Above any header; what says more is damaged. */
const maxHeaderBytes = 1024 * 1024;

/** What stands in a file before the pictures. */
export interface FragmentFileHead {
  /** Of its segment. */
  header: Buffer;
  /** Of its pictures, as they go over the wire. */
  bytes: number;
  timecodeMs: number;
  lastTimecodeMs: number;
}

/** What the fragment takes on the disk, in bytes. */
export function fragmentFileBytes({ segment, bytes }: Pick<Fragment, 'segment' | 'bytes'>): number {
  return headBytes + segment.header.length + bytes;
}

/** Writes the fragment so that, whenever power dies, the file is there as a whole or not at all. */
export async function writeFragmentFile(path: string, fragment: Fragment): Promise<void> {
  const { segment, chunks } = fragment;
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile([headOf(fragment), segment.header, ...chunks]);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function headOf({ segment, chunks, bytes, timecodeMs, lastTimecodeMs }: Fragment): Buffer {
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt32BE(segment.header.length, 4);
  head.writeUInt32BE(bytes, 8);
  head.writeDoubleBE(timecodeMs, 12);
  head.writeDoubleBE(lastTimecodeMs, 20);
  head.writeUInt32BE(crc32(head.subarray(0, crcAt), segment.header), crcAt);
  const digest = createHash('sha256');
  for (const chunk of chunks) digest.update(chunk);
  digest.digest().copy(head, digestAt);
  return head;
}

/** What stands before the body; undefined when the file is none of ours or not whole. */
export async function readFragmentHead(path: string): Promise<FragmentFileHead | undefined> {
  const file = await open(path, 'r');
  try {
    const head = await readExactly(file, 0, headBytes);
    if (head === undefined || !head.subarray(0, magic.length).equals(magic)) return undefined;
    const [headerLength, bytes] = [head.readUInt32BE(4), head.readUInt32BE(8)];
    const fileBytes = headBytes + headerLength + bytes;
    if (headerLength > maxHeaderBytes || (await file.stat()).size !== fileBytes) return undefined;
    const header = await readExactly(file, headBytes, headerLength);
    if (header === undefined || crc32(head.subarray(0, crcAt), header) !== head.readUInt32BE(crcAt))
      return undefined;
    return { header, bytes, timecodeMs: head.readDoubleBE(12), lastTimecodeMs: head.readDoubleBE(20) };
  } finally {
    await file.close();
  }
}

/** The body; undefined when the file is damaged. Rejects when it cannot be read. */
export async function readFragmentBody(path: string): Promise<Buffer | undefined> {
  const file = await open(path, 'r');
  try {
    const content = await file.readFile();
    if (content.length < headBytes) return undefined;
    const body = content.subarray(headBytes + content.readUInt32BE(4));
    const digest = createHash('sha256').update(body).digest();
    return digest.equals(content.subarray(digestAt, headBytes)) ? body : undefined;
  } finally {
    await file.close();
  }
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytesRead === length ? bytes : undefined;
}

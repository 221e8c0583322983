import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { Fragment, FragmentMedia } from './fragment.ts';

/**
 * The media of one stream on disk: files of records that are only appended to. A record is written in one go and synced
 * before it counts; opening drops what a killed process left half written, so that only whole fragments are ever seen.
 *
 *     'KVF1'  u32 length of description  u32 length of header  u32 length of cluster  u32 CRC-32 of description and media
 *     description (JSON)  header (Matroska up to the tracks)  cluster
 */
interface LogFile {
  path: string;
  sequence: number;
  bytes: number;
  openedMs: number;
  /** Records in it that have not expired. */
  live: number;
}

interface Place {
  file: LogFile;
  /** Of the Matroska header. */
  offset: number;
  headerLength: number;
  clusterLength: number;
}

export interface LoggedFragment extends Fragment {
  place: Place;
}

const magic = Buffer.from('KVF1');
const prologueLength = 20;
/** Files are removed as a whole: small enough that expired media does not linger. */
const maxFileBytes = 32 * 1024 * 1024;
const maxFileAgeMs = 5 * 60_000;

const descriptionSchema = z.strictObject({
  number: z.string(),
  ordinal: z.int(),
  producerMs: z.number(),
  serverMs: z.number(),
  lengthMs: z.number(),
  sizeBytes: z.int(),
  frames: z.int(),
  tracksId: z.string(),
}) satisfies z.ZodType<Fragment>;

export class FragmentLog {
  readonly #directory: string;
  readonly #files: LogFile[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  get bytes(): number {
    return this.#files.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** Reads the descriptions of all whole records, oldest first, and cuts off what is broken. */
  load(): LoggedFragment[] {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const names = readdirSync(this.#directory).filter((name) => /^\d{10}\.kvf$/.test(name));
    const fragments: LoggedFragment[] = [];
    for (const name of names.sort()) {
      const file: LogFile = {
        path: join(this.#directory, name),
        sequence: Number(name.slice(0, 10)),
        bytes: 0,
        openedMs: 0,
        live: 0,
      };
      fragments.push(...scan(file));
      if (file.live === 0) rmSync(file.path);
      else this.#files.push(file);
    }
    return fragments;
  }

  /** Returns when the fragment is on the disk. Calls must not overlap. */
  async append(fragment: Fragment, media: FragmentMedia): Promise<LoggedFragment> {
    const file = await this.#fileFor(fragment.serverMs);
    const description = Buffer.from(JSON.stringify(fragment));
    const prologue = Buffer.alloc(prologueLength);
    magic.copy(prologue);
    prologue.writeUInt32BE(description.length, 4);
    prologue.writeUInt32BE(media.header.length, 8);
    prologue.writeUInt32BE(media.cluster.length, 12);
    prologue.writeUInt32BE(crc32(media.cluster, crc32(media.header, crc32(description))), 16);
    const parts = [prologue, description, media.header, media.cluster];
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const handle = await open(file.path, 'a', 0o600);
    try {
      await handle.writev(parts);
      await handle.datasync();
    } catch (error) {
      // A full disk leaves half a record; the next one must not stand behind it.
      await handle.truncate(file.bytes);
      throw error;
    } finally {
      await handle.close();
    }
    const offset = file.bytes + prologueLength + description.length;
    file.bytes += length;
    file.live += 1;
    return {
      ...fragment,
      place: { file, offset, headerLength: media.header.length, clusterLength: media.cluster.length },
    };
  }

  async read({ place }: LoggedFragment): Promise<FragmentMedia> {
    const length = place.headerLength + place.clusterLength;
    const bytes = Buffer.allocUnsafe(length);
    const handle = await open(place.file.path, 'r');
    try {
      const { bytesRead } = await handle.read(bytes, 0, length, place.offset);
      if (bytesRead !== length) throw new Error(`${place.file.path} is shorter than its index says`);
    } finally {
      await handle.close();
    }
    return { header: bytes.subarray(0, place.headerLength), cluster: bytes.subarray(place.headerLength) };
  }

  /** These fragments are no longer wanted; files with no other ones are removed. */
  expire(fragments: readonly LoggedFragment[]): void {
    for (const { place } of fragments) place.file.live -= 1;
    for (const file of this.#files.filter((candidate) => candidate.live <= 0)) {
      rmSync(file.path, { force: true });
      this.#files.splice(this.#files.indexOf(file), 1);
    }
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
    this.#files.length = 0;
  }

  async #fileFor(serverMs: number): Promise<LogFile> {
    const last = this.#files.at(-1);
    if (last !== undefined && last.bytes < maxFileBytes && serverMs - last.openedMs < maxFileAgeMs)
      return last;
    const sequence = (last?.sequence ?? 0) + 1;
    const path = join(this.#directory, `${String(sequence).padStart(10, '0')}.kvf`);
    const file: LogFile = { path, sequence, bytes: 0, openedMs: serverMs, live: 0 };
    await (await open(path, 'w', 0o600)).close();
    await syncDirectory(this.#directory);
    this.#files.push(file);
    return file;
  }
}

/** A new file survives a power cut only when its folder entry does. */
async function syncDirectory(directory: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(directory, 'r');
    await handle.sync();
  } catch (error) {
    // Windows cannot open a folder; its entries are written with the file.
    if (process.platform !== 'win32') throw error;
  } finally {
    await handle?.close();
  }
}

/** Descriptions of the records of one file. The file is cut behind the last whole one. */
function scan(file: LogFile): LoggedFragment[] {
  const fragments: LoggedFragment[] = [];
  const handle = openSync(file.path, 'r');
  let size: number;
  try {
    size = fstatSync(handle).size;
    for (;;) {
      const record = readRecord(handle, file, size);
      if (record === undefined) break;
      if (file.live === 0) file.openedMs = record.serverMs;
      fragments.push(record);
      file.live += 1;
      file.bytes = record.place.offset + record.place.headerLength + record.place.clusterLength;
    }
  } finally {
    closeSync(handle);
  }
  if (size > file.bytes) truncateSync(file.path, file.bytes);
  return fragments;
}

function readRecord(handle: number, file: LogFile, size: number): LoggedFragment | undefined {
  const start = file.bytes;
  if (size - start < prologueLength) return undefined;
  const prologue = readAt(handle, start, prologueLength);
  if (!prologue.subarray(0, 4).equals(magic)) return undefined;
  const [descriptionLength, headerLength, clusterLength] = [4, 8, 12].map((at) =>
    prologue.readUInt32BE(at),
  ) as [number, number, number];
  const offset = start + prologueLength + descriptionLength;
  const end = offset + headerLength + clusterLength;
  if (end > size) return undefined;
  const description = readAt(handle, start + prologueLength, descriptionLength);
  // Only the last record can be torn: all before it were synced before it was begun.
  if (end === size) {
    const media = readAt(handle, offset, headerLength + clusterLength);
    if (crc32(media, crc32(description)) !== prologue.readUInt32BE(16)) return undefined;
  }
  const parsed = descriptionSchema.safeParse(parseJson(description));
  if (!parsed.success) return undefined;
  return { ...parsed.data, place: { file, offset, headerLength, clusterLength } };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function readAt(handle: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(handle, bytes, 0, length, position);
  return bytes;
}

import { basename, dirname } from 'node:path';
import type { LogFile, LogFileSystem } from '../log-file-system.ts';

interface Inode {
  data: Buffer;
  /** What a power cut leaves for certain. */
  synced: Buffer;
}

/**
 * A file system in memory that forgets at a power cut what was not synced, as POSIX allows: of a file everything since
 * its last fsync or a part of it, of a directory the files made and removed since its own.
 */
export class SimulatedDisk implements LogFileSystem {
  #files = new Map<string, Inode>();
  #syncedFiles = new Map<string, Inode>();
  /** Most bytes that all files may take. */
  capacity = Number.POSITIVE_INFINITY;
  readOnly = false;
  syncs = 0;
  /** While set, a sync waits for it. */
  syncGate: Promise<void> | undefined;

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { data }) => sum + data.length, 0);
  }

  get names(): string[] {
    return [...this.#files.keys()].map((path) => basename(path)).sort();
  }

  /** The content of the file of this name, to be looked at or put in its place. */
  content(name: string): Buffer {
    return this.#inode(this.#pathOf(name)).data;
  }

  setContent(name: string, data: Buffer): void {
    this.#inode(this.#pathOf(name)).data = data;
  }

  /** The disk as the next start finds it; `pick(n)` answers a whole number from 0 to n. */
  powerCut(pick: (max: number) => number): SimulatedDisk {
    const after = new SimulatedDisk();
    for (const path of new Set([...this.#files.keys(), ...this.#syncedFiles.keys()])) {
      const now = this.#files.get(path);
      const before = this.#syncedFiles.get(path);
      const inode = now === before || pick(1) === 1 ? now : before;
      if (inode !== undefined) after.#put(path, survivorOf(inode, pick));
    }
    return after;
  }

  /** The disk as the next start finds it when only the process ended. */
  restarted(): SimulatedDisk {
    const after = new SimulatedDisk();
    for (const [path, { data }] of this.#files) after.#put(path, data);
    return after;
  }

  async makeDirectory(): Promise<void> {
    this.#refuseReadOnly();
  }

  async list(directory: string): Promise<string[]> {
    return [...this.#files.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => basename(path));
  }

  async open(path: string): Promise<LogFile> {
    this.#refuseReadOnly();
    const inode = this.#files.get(path) ?? { data: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.#files.set(path, inode);
    return {
      write: async (data, position) => this.#write(inode, data, position),
      sync: async () => {
        await this.syncGate;
        this.#refuseReadOnly();
        this.syncs += 1;
        inode.synced = inode.data;
      },
      truncate: async (length) => {
        this.#refuseReadOnly();
        inode.data = inode.data.subarray(0, length);
      },
      close: async () => {},
    };
  }

  async read(path: string): Promise<Buffer> {
    return this.#inode(path).data;
  }

  async readAt(path: string, position: number, length: number): Promise<Buffer> {
    return this.#inode(path).data.subarray(position, position + length);
  }

  async remove(path: string): Promise<void> {
    this.#refuseReadOnly();
    this.#files.delete(path);
  }

  async syncDirectory(): Promise<void> {
    this.#refuseReadOnly();
    this.#syncedFiles = new Map(this.#files);
  }

  #write(inode: Inode, data: Uint8Array, position: number): void {
    this.#refuseReadOnly();
    const room = this.capacity - (this.bytes - inode.data.length);
    const end = Math.min(position + data.length, Math.max(room, inode.data.length));
    const written = data.subarray(0, Math.max(0, end - position));
    inode.data = Buffer.concat([inode.data.subarray(0, position), written]);
    if (written.length < data.length) throw failure('ENOSPC', 'no space left on device');
  }

  #put(path: string, data: Buffer): void {
    const inode = { data, synced: data };
    this.#files.set(path, inode);
    this.#syncedFiles.set(path, inode);
  }

  #inode(path: string): Inode {
    const inode = this.#files.get(path);
    if (inode === undefined) throw failure('ENOENT', 'no such file or directory');
    return inode;
  }

  #pathOf(name: string): string {
    return [...this.#files.keys()].find((path) => basename(path) === name) ?? name;
  }

  #refuseReadOnly(): void {
    if (this.readOnly) throw failure('EROFS', 'read-only file system');
  }
}

/** Of what was appended since the last sync a part arrived, and the end of that may be garbage. */
function survivorOf({ data, synced }: Inode, pick: (max: number) => number): Buffer {
  if (data.length <= synced.length || !data.subarray(0, synced.length).equals(synced))
    return pick(1) === 1 ? data : synced;
  const arrived = Buffer.from(data.subarray(0, synced.length + pick(data.length - synced.length)));
  if (arrived.length > synced.length && pick(1) === 1) arrived[arrived.length - 1] = pick(255);
  return arrived;
}

function failure(code: string, sentence: string): Error {
  return Object.assign(new Error(`${code}: ${sentence}`), { code });
}

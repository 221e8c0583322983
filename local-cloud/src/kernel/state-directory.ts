import { randomBytes, randomInt } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { hasCode } from './errno.ts';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const instanceSchema = z.object({
  schema: z.literal(1),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  ports: z.record(z.string(), z.number()),
});
type Instance = z.infer<typeof instanceSchema>;

/**
 * The folder that makes a stand-in the same one after a restart: its lock, its access key and the ports it had. These
 * outlive a reset, so that clients and boards that were set up before still find it.
 */
export class StateDirectory {
  readonly path: string;
  readonly #lock: DatabaseSync;
  #instance: Instance;

  private constructor(path: string, lock: DatabaseSync, instance: Instance) {
    this.path = path;
    this.#lock = lock;
    this.#instance = instance;
  }

  /** Opens the folder, or makes it. Refuses when another process has it. */
  static open(path: string): StateDirectory {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const lock = acquire(path);
    try {
      return new StateDirectory(path, lock, readInstance(path));
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** The account's own access key, made once for this folder. */
  get accessKey(): { accessKeyId: string; secretAccessKey: string } {
    const { accessKeyId, secretAccessKey } = this.#instance;
    return { accessKeyId, secretAccessKey };
  }

  /** The port that the endpoint of this name had before; 0 when it is new. */
  port(name: string): number {
    return this.#instance.ports[name] ?? 0;
  }

  rememberPorts(ports: Readonly<Record<string, number>>): void {
    this.#instance = { ...this.#instance, ports: { ...this.#instance.ports, ...ports } };
    writeWhole(join(this.path, 'instance.json'), JSON.stringify(this.#instance, null, 2));
  }

  close(): void {
    if (!this.#lock.isOpen) return;
    rmSync(join(this.path, 'holder.pid'), { force: true });
    this.#lock.close();
  }
}

/** A lock of the operating system (through SQLite), which a killed process cannot leave behind. */
function acquire(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, 'lock.sqlite'));
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    const holder = readOr(join(path, 'holder.pid'), 'unknown');
    throw new StateDirectoryError(
      `The state folder ${path} is in use by another local-cloud (process ${holder}). Stop that one, or set LOCAL_CLOUD_DIR to another folder.`,
      { cause },
    );
  }
  writeFileSync(join(path, 'holder.pid'), String(process.pid), { mode: 0o600 });
  return lock;
}

function readInstance(path: string): Instance {
  const file = join(path, 'instance.json');
  const text = readOr(file, '');
  if (text === '') {
    const made: Instance = {
      schema: 1,
      accessKeyId: `AKIA${Array.from({ length: 16 }, () => base32[randomInt(32)]).join('')}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      ports: {},
    };
    writeWhole(file, JSON.stringify(made, null, 2));
    return made;
  }
  try {
    return instanceSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new StateDirectoryError(
      `${file} is not what this version of local-cloud writes. Delete the folder ${path} to start afresh, or set LOCAL_CLOUD_DIR to another one.`,
      { cause },
    );
  }
}

export class StateDirectoryError extends Error {}

function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return fallback;
    throw error;
  }
}

/** The file is there whole or not at all, also after a power cut. */
export function writeWhole(file: string, text: string): void {
  const part = `${file}.${process.pid}.part`;
  const descriptor = openSync(part, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(part, file);
}

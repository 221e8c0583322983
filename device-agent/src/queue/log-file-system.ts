import { constants, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';

/** An open file that is appended to. */
export interface LogFile {
  /** Writes all of `data` at `position`, or rejects. */
  write(data: Uint8Array, position: number): Promise<void>;
  /** Resolves when what was written survives a power cut. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** As much of a file system as the outbound queue needs; failures are Node's errors with their codes (`ENOSPC`, …). */
export interface LogFileSystem {
  /** Made with its parents when missing. */
  makeDirectory(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  /** Made empty when missing, never shortened. */
  open(path: string): Promise<LogFile>;
  read(path: string): Promise<Buffer>;
  /** Answers fewer bytes at the file's end. */
  readAt(path: string, position: number, length: number): Promise<Buffer>;
  remove(path: string): Promise<void>;
  /** Resolves when files made in or removed from the directory are so after a power cut too. */
  syncDirectory(path: string): Promise<void>;
}

/** The machine's file system. */
export const nodeLogFileSystem: LogFileSystem = {
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (directory) => readdir(directory),
  open: async (path) => {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    return {
      write: async (data, position) => {
        for (let done = 0; done < data.length; ) {
          const { bytesWritten } = await file.write(data, done, data.length - done, position + done);
          done += bytesWritten;
        }
      },
      sync: () => file.datasync(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  },
  read: (path) => readFile(path),
  readAt: async (path, position, length) => {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },
  remove: (path) => unlink(path),
  syncDirectory: async (path) => {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

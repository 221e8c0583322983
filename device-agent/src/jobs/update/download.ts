import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { TransferError, transfer } from '../transfer.ts';

const idleMs = 60_000;

export interface Download {
  url: string;
  /** Exactly so many bytes. */
  size: number;
  /** Of them, hex. */
  sha256: string;
}

/**
 * Fetches a file and has it on disk when it resolves, byte for byte as announced. @throws TransferError, or the disk's error; the file is
 * then of no use
 */
export async function download(
  { url, size, sha256 }: Download,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await transfer(url, { method: 'GET', signal, idleMs });
  const file = await open(path, 'w', 0o600);
  try {
    if (response.statusCode !== 200) throw new TransferError(`answered ${response.statusCode}`);
    const hash = createHash('sha256');
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > size) throw new TransferError(`sends more than ${size} bytes`);
      hash.update(chunk);
      await file.write(chunk);
    }
    if (received !== size) throw new TransferError(`sent ${received} bytes of ${size}`);
    if (hash.digest('hex') !== sha256) throw new TransferError('sent something else than the job announces');
    await file.sync();
  } finally {
    response.destroy();
    await file.close();
  }
}

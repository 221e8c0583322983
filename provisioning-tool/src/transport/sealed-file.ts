import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Decrypter, Encrypter } from 'age-encryption';
import { createTarPacker } from 'modern-tar';
import {
  exists,
  privateDirectoryMode,
  privateFileMode,
  renameDurably,
  syncDirectory,
} from '../files/durable-files.ts';
import { messageOf, Refusal, systemCodeOf } from '../refusal.ts';
import { packBundles, unpackBundles } from './bundle-archive.ts';

/** A public key to seal to, as age has it (X25519). @throws Refusal */
export function checkRecipient(recipient: string): void {
  try {
    new Encrypter().addRecipient(recipient);
  } catch {
    throw new Refusal(
      'usage',
      `«${recipient}» is no transport key; give what «aovis-provision bundle keygen» printed at the station, age1….`,
    );
  }
}

/**
 * Seals bundles into the new file `path`: a tar in the age format (age-encryption.org/v1), 64 KiB at a time. The file
 * appears under its name when it is whole. Returns its lower-case hex SHA-256.
 */
export async function sealBundles(
  path: string,
  recipient: string,
  bundles: Iterable<{ deviceId: string; directory: string }>,
  signal: AbortSignal,
): Promise<string> {
  const partial = join(dirname(path), `.${basename(path)}.partial`);
  const { readable, controller } = createTarPacker();
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const hash = createHash('sha256');
  await rm(partial, { force: true });
  const handle = await open(partial, 'wx', privateFileMode);
  try {
    const packing = packBundles(controller, bundles).catch((error: unknown) => controller.error(error));
    const sealed: ReadableStream<Uint8Array> = await encrypter.encrypt(readable);
    for await (const chunk of sealed) {
      signal.throwIfAborted();
      hash.update(chunk);
      await handle.writeFile(chunk);
    }
    await packing;
    await handle.sync();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await renameDurably(partial, path);
  return hash.digest('hex');
}

/** Lower-case hex SHA-256 of a sealed file. @throws Refusal when there is none */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    throw new Refusal('usage', `There is no file ${path}; check the path.`);
  }
  return hash.digest('hex');
}

/**
 * Opens a sealed file into the new folder `target`, which appears when everything in it was checked. Returns the device
 * ids. @throws Refusal when the file was sealed to another key, changed or cut short; nothing is kept then
 */
export async function openBundles(path: string, identity: string, target: string): Promise<string[]> {
  const partial = join(dirname(target), `.${basename(target)}.partial`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: privateDirectoryMode });
  const file = await open(path);
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const tar: ReadableStream<Uint8Array> = await decrypter.decrypt(chunksOf(file));
    const deviceIds = await unpackBundles(tar, partial);
    await syncDirectory(partial);
    if (await exists(target)) throw new Refusal('conflict', `${target} is there already; name a new folder.`);
    await renameDurably(partial, target);
    return deviceIds;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw openingRefusalOf(path, error);
  } finally {
    await file.close();
  }
}

function chunksOf(file: FileHandle): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(64 * 1024));
      if (bytesRead === 0) controller.close();
      else controller.enqueue(buffer.subarray(0, bytesRead));
    },
  });
}

function openingRefusalOf(path: string, error: unknown): unknown {
  if (error instanceof Refusal || systemCodeOf(error)?.startsWith('E')) return error;
  if (messageOf(error) === "no identity matched any of the file's recipients")
    return new Refusal(
      'conflict',
      `${path} was sealed to another key than this station's; have it sealed to what «aovis-provision bundle key» prints.`,
      { cause: error },
    );
  return new Refusal(
    'conflict',
    `${path} is damaged: it was changed or cut short on its way, or is no sealed file. Nothing was kept; fetch it again.`,
    { cause: error },
  );
}

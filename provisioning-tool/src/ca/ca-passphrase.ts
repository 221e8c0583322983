import { createPrivateKey, type KeyObject } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, writeFileDurably } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';
import { caFiles, type FactoryCa, readKeyFile } from './ca-store.ts';
import { encryptPrivateKey } from './encrypted-key.ts';

/**
 * Encrypts every key file of the CA anew, under another passphrase and today's key derivation. Each file changes at
 * once; all are opened before any is written. Cut short, the same command goes on: a file that opens with the new
 * passphrase already is left as it is.
 * @returns the paths, by whether they changed
 */
export async function changePassphrase(
  ca: FactoryCa,
  old: string,
  fresh: string,
): Promise<{ changed: string[]; unchanged: string[] }> {
  const paths = await keyFilesOf(ca);
  if (paths.length === 0)
    throw new Refusal(
      'ca',
      'There is no key file here: the keys live on a token, in a KMS, or were moved away.',
    );
  const files = await Promise.all(
    paths.map(async (path) => {
      const pem = await readKeyFile(path, 'key');
      return { path, old: open(pem, old), fresh: open(pem, fresh) };
    }),
  );
  const closed = files.filter((file) => !file.old && !file.fresh);
  if (closed.length > 0)
    throw new Refusal('ca', 'The passphrase does not open every key; nothing was changed.', {
      details: closed.map(({ path }) => `${path} opens neither with the old nor with the new passphrase`),
    });
  const changed: string[] = [];
  for (const { path, old: key, fresh: done } of files) {
    if (done || !key) continue;
    // Where a link leads to: else the old passphrase would go on opening the key on its medium.
    await writeFileDurably(await realpath(path), encryptPrivateKey(key, fresh));
    changed.push(path);
  }
  return { changed, unchanged: paths.filter((path) => !changed.includes(path)) };
}

/** Key files that are here; the root's is often kept elsewhere. */
async function keyFilesOf(ca: FactoryCa): Promise<string[]> {
  const paths = [
    join(ca.directory, caFiles.rootKey),
    ...[...ca.issuers.values()].map(({ directory }) => join(directory, caFiles.issuingKey)),
  ];
  const there = await Promise.all(paths.map((path) => exists(path)));
  return paths.filter((_, i) => there[i]);
}

function open(pem: string, passphrase: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch {
    return undefined;
  }
}

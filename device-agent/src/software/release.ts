import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { agentVersionSchema, updateMaxBytes, updateStatement } from '@aovis/contracts/jobs';
import * as z from 'zod';

/** What a slot holds: the agent, and what its vendor says of it. */
export const programFile = 'aovis-agent.cjs';
export const releaseFile = 'release.json';

export const releaseSchema = z.object({
  version: agentVersionSchema,
  size: z.int().min(1).max(updateMaxBytes),
  sha256: z.string(),
  signature: z.string(),
});
export type Release = z.infer<typeof releaseSchema>;

/** The vendor's key. Throws an Error whose message completes «FILE …». */
export async function readVendorKey(path: string): Promise<KeyObject> {
  const key = createPublicKey(await readFile(path, 'utf8'));
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('is no Ed25519 key');
  return key;
}

/** Whether the vendor has signed this statement; the file it is about is another matter. */
export function isSigned(release: Release, vendorKey: KeyObject): boolean {
  const statement = Buffer.from(updateStatement(release), 'utf8');
  return verify(null, statement, vendorKey, Buffer.from(release.signature, 'base64'));
}

/** The release in a slot if all of it is as the vendor signed it, else why not, as the end of a sentence. */
export async function checkSlot(directory: string, vendorKey: KeyObject): Promise<Release | string> {
  try {
    const release = releaseSchema.parse(JSON.parse(await readFile(join(directory, releaseFile), 'utf8')));
    if (!isSigned(release, vendorKey)) return 'is not signed by the key of this board';
    const program = join(directory, programFile);
    const { size } = await stat(program);
    if (size !== release.size || (await sha256Of(program)) !== release.sha256)
      return 'is not what was signed';
    return release;
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'it is damaged'})`;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Below zero when `a` is older than `b`. Of versions that are none, nothing is known: NaN. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/[.-]/, 3).map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] ?? Number.NaN) - (right?.[part] ?? Number.NaN);
    if (difference !== 0) return difference;
  }
  return 0;
}

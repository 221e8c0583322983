import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JobDocument, updateStatement } from '@aovis/contracts/jobs';
import { buildAgent } from './build-agent.ts';
import type { SystemFolder } from './system-folder.ts';

const privateKeyName = 'vendor-key.pem';
const publicKeyName = 'vendor-public-key.pem';

/** The file with the public key that this system's boards check releases of the agent by; made at first use. */
export function vendorPublicKeyFile(folder: SystemFolder): string {
  const file = folder.secretPath(publicKeyName);
  if (existsSync(file)) return file;
  const { privateKey } = generateKeyPairSync('ed25519');
  folder.keepSecret(privateKeyName, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return folder.keepSecret(publicKeyName, publicKey);
}

export interface SignedRelease {
  program: Buffer;
  /** What the job says of it, but for where it is. */
  statement: Omit<JobDocument<'update-agent'>, 'operation' | 'url'>;
}

/** Bundles the agent as it is in this repository under another version, and signs it as the vendor does. */
export async function makeRelease(folder: SystemFolder, version: string): Promise<SignedRelease> {
  const directory = await mkdtemp(join(tmpdir(), 'aovis-release-'));
  try {
    await buildAgent({ version, directory });
    const program = await readFile(join(directory, 'aovis-agent.cjs'));
    return { program, statement: signed(folder, version, program) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function signed(folder: SystemFolder, version: string, program: Buffer): SignedRelease['statement'] {
  vendorPublicKeyFile(folder);
  const privateKey = createPrivateKey(readFileSync(folder.secretPath(privateKeyName)));
  const release = {
    version,
    size: program.length,
    sha256: createHash('sha256').update(program).digest('hex'),
  };
  const signature = sign(null, Buffer.from(updateStatement(release)), privateKey);
  return { ...release, signature: signature.toString('base64') };
}

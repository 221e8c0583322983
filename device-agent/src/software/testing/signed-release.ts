import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { updateStatement } from '@aovis/contracts/jobs';
import { programFile, type Release, releaseFile } from '../release.ts';

/** A vendor who signs releases. */
export class Vendor {
  readonly publicKey: KeyObject;
  readonly publicKeyPem: string;
  readonly #privateKey: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.publicKey = publicKey;
    this.publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    this.#privateKey = privateKey;
  }

  release(version: string, program: Uint8Array): Release {
    const release = {
      version,
      size: program.length,
      sha256: createHash('sha256').update(program).digest('hex'),
    };
    const signature = sign(null, Buffer.from(updateStatement(release)), this.#privateKey);
    return { ...release, signature: signature.toString('base64') };
  }

  /** As an update leaves a slot. */
  async fill(directory: string, version: string, program = Buffer.from(`// ${version}`)): Promise<void> {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, programFile), program);
    await writeFile(join(directory, releaseFile), JSON.stringify(this.release(version, program)));
  }
}

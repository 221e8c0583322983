import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFiles } from '@aovis/contracts/provisioning';
import * as z from 'zod';
import { writeFileAtomically } from '../host/atomic-file.ts';
import { Refusal } from '../refusal.ts';

/** Says in the bundle which key and certificate are the board's; without it, those of the factory. */
export const identityFile = 'identity.json';
const identitiesDirectory = 'identities';

const directoryName = z.string().regex(/^[0-9a-f]{16}$/);
const candidateSchema = z.object({
  job_id: z.string(),
  directory: directoryName,
  /** `key`: a key is there. `issued`: its certificate too. `verified`: the cloud has accepted it. */
  phase: z.enum(['key', 'issued', 'verified']),
});
const stateSchema = z.object({
  schema_version: z.literal(1),
  /** Below `identities/`. Absent: the factory's. */
  active: directoryName.optional(),
  candidate: candidateSchema.optional(),
});
export type IdentityState = z.infer<typeof stateSchema>;
export type Candidate = z.infer<typeof candidateSchema>;

/** Where key and certificate lie. */
export interface IdentityPaths {
  privateKey: string;
  certificate: string;
}

/**
 * The board's identities, beside each other in the bundle: the one that counts and, during a rotation, the one that may take its
 * place. One file, replaced as a whole, says which is which; nothing it names is ever missing, and nothing is removed before
 * it is no longer named there.
 */
export class IdentityStore {
  readonly #bundle: string;
  #state: IdentityState;

  private constructor(bundle: string, state: IdentityState) {
    this.#bundle = bundle;
    this.#state = state;
  }

  /** @throws Refusal when the file is damaged: guessing might take a certificate that the cloud refuses. */
  static async open(bundle: string): Promise<IdentityStore> {
    return new IdentityStore(bundle, await readState(bundle));
  }

  get candidate(): Candidate | undefined {
    return this.#state.candidate;
  }

  get activePaths(): IdentityPaths {
    const { active } = this.#state;
    return active === undefined ? pathsIn(this.#bundle) : this.pathsOf(active);
  }

  pathsOf(directory: string): IdentityPaths {
    return pathsIn(join(this.#bundle, identitiesDirectory, directory));
  }

  /** Begins a rotation: keeps a new key for this job. Rejects when the bundle cannot be written. */
  async begin(jobId: string, privateKeyPem: string): Promise<Candidate> {
    await this.#removeUnnamed();
    const directory = randomBytes(8).toString('hex');
    const path = join(this.#bundle, identitiesDirectory, directory);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await writeFileAtomically(this.pathsOf(directory).privateKey, privateKeyPem);
    // The new entries of both directories have to survive a power cut, too.
    for (const each of [join(this.#bundle, identitiesDirectory), this.#bundle]) await syncDirectory(each);
    return this.#nominate({ job_id: jobId, directory, phase: 'key' });
  }

  async keepCertificate(candidate: Candidate, certificatePem: string): Promise<Candidate> {
    await writeFileAtomically(this.pathsOf(candidate.directory).certificate, certificatePem);
    return this.#nominate({ ...candidate, phase: 'issued' });
  }

  noteVerified(candidate: Candidate): Promise<Candidate> {
    return this.#nominate({ ...candidate, phase: 'verified' });
  }

  /** The candidate is the board's identity from now on. */
  async commit({ directory }: Candidate): Promise<void> {
    await this.#write({ schema_version: 1, active: directory });
    await this.#removeUnnamed();
  }

  /** The candidate never was. */
  async drop(): Promise<void> {
    const { candidate: _, ...rest } = this.#state;
    await this.#write(rest);
    await this.#removeUnnamed();
  }

  /** What a power cut left behind. The factory's files stay. */
  async #removeUnnamed(): Promise<void> {
    const parent = join(this.#bundle, identitiesDirectory);
    const { active, candidate } = this.#state;
    for (const name of await readdir(parent).catch(() => []))
      if (name !== active && name !== candidate?.directory)
        await rm(join(parent, name), { recursive: true, force: true });
  }

  async #nominate(candidate: Candidate): Promise<Candidate> {
    await this.#write({ ...this.#state, candidate });
    return candidate;
  }

  async #write(state: IdentityState): Promise<void> {
    await writeFileAtomically(join(this.#bundle, identityFile), `${JSON.stringify(state)}\n`);
    this.#state = state;
  }
}

function pathsIn(directory: string): IdentityPaths {
  return {
    privateKey: join(directory, bundleFiles.privateKey),
    certificate: join(directory, bundleFiles.certificate),
  };
}

async function readState(bundle: string): Promise<IdentityState> {
  const path = join(bundle, identityFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Refusal('bundleMissing', `${path} cannot be read: start the agent as the user that owns it.`);
  });
  if (text === undefined) return { schema_version: 1 };
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Refusal(
      'bundleInvalid',
      `${path} is damaged, so it is not known which of the board's certificates counts: look which directory below ` +
        `${join(bundle, identitiesDirectory)} holds the certificate that is ACTIVE in AWS IoT and write ` +
        '{"schema_version":1,"active":"<directory>"}, or remove the file when it is the factory’s.',
      { cause },
    );
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

import { bindingProofSchema } from '@aovis/contracts/binding-proof';
import { epochMsSchema } from '@aovis/contracts/events';
import * as z from 'zod';
import { readJsonFile, writeFileAtomically } from '../host/atomic-file.ts';

const entrySchema = z.object({
  /** SHA-256 of the challenge, hex: the same claim id with anything else in it is another challenge. */
  challenge: z.string(),
  expires_at: epochMsSchema,
  proof: bindingProofSchema,
  /** Whether the cloud has it. */
  delivered: z.boolean(),
});
/** A challenge that was signed: from then on it is answered with the same proof. */
export type SignedChallenge = z.infer<typeof entrySchema>;

const fileSchema = z.object({ signed: z.array(entrySchema) });
const capacity = 32;

export interface ProofJournalOptions {
  path: string;
  /** Replaces the file so that power may fail at any instant. */
  write?: (path: string, content: string) => Promise<void>;
}

/** What a board has signed, on disk before it leaves the board: a claim is signed once, across restarts too. */
export class ProofJournal {
  readonly #options: Required<ProofJournalOptions>;
  #signed: SignedChallenge[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ProofJournalOptions) {
    this.#options = { write: writeFileAtomically, ...options };
  }

  async load(): Promise<void> {
    const kept = fileSchema.safeParse(await readJsonFile(this.#options.path));
    this.#signed = kept.data?.signed ?? [];
  }

  get entries(): readonly SignedChallenge[] {
    return this.#signed;
  }

  find(claimId: string): SignedChallenge | undefined {
    return this.#signed.find(({ proof }) => proof.claim_id === claimId);
  }

  /**
   * Remembers what was signed, on disk when it resolves. False when so many are remembered that have not expired that there
   * is no room. Rejects when the disk does not take it: then it is not remembered and must not be sent.
   */
  async add(entry: SignedChallenge, now: number): Promise<boolean> {
    // What has expired would not be signed again.
    const kept = this.#signed.filter(({ expires_at }) => expires_at > now);
    if (kept.length >= capacity) return false;
    const before = this.#signed;
    this.#signed = [...kept, entry];
    try {
      await this.#store();
      return true;
    } catch (error) {
      this.#signed = before;
      throw error;
    }
  }

  /** Lost in a crash it is only sent again. */
  async noteDelivered(claimId: string): Promise<void> {
    this.#signed = this.#signed.map((entry) =>
      entry.proof.claim_id === claimId ? { ...entry, delivered: true } : entry,
    );
    await this.#store();
  }

  /** One write after the other; each writes what is known when its turn comes. */
  #store(): Promise<void> {
    const { path, write } = this.#options;
    const stored = this.#writing.then(() => write(path, JSON.stringify({ signed: this.#signed })));
    this.#writing = stored.catch(() => {});
    return stored;
  }
}

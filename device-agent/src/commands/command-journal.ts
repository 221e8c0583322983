import { commandAckSchema } from '@aovis/contracts/commands';
import { epochMsSchema } from '@aovis/contracts/events';
import { ulidSchema } from '@aovis/contracts/ids';
import * as z from 'zod';
import { readJsonFile, writeFileAtomically } from '../host/atomic-file.ts';
import { type CommandAnswer, isFinal } from './command-answer.ts';

const entrySchema = z.object({
  id: ulidSchema,
  type: z.string(),
  expires_at: epochMsSchema,
  /** The machine's boot during which it was taken; absent where machines have no such id. */
  machine_boot_id: z.string().optional(),
  /** The latest. */
  answer: commandAckSchema.omit({ id: true }),
  /** Whether the cloud has it. */
  delivered: z.boolean(),
});
/** A command that was taken: from then on it is executed at most once. */
export type JournalEntry = z.infer<typeof entrySchema>;

const fileSchema = z.object({ commands: z.array(entrySchema) });

const defaultCapacity = 200;

export interface CommandJournalOptions {
  path: string;
  /** How many commands are remembered. */
  capacity?: number;
  /** Replaces the file so that power may fail at any instant. */
  write?: (path: string, content: string) => Promise<void>;
}

/** The commands a board has taken, with its answers, on disk: what was begun before a restart is not begun again. */
export class CommandJournal {
  readonly #options: Required<CommandJournalOptions>;
  /** In the order in which they were taken. */
  readonly #entries = new Map<string, JournalEntry>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: CommandJournalOptions) {
    this.#options = { capacity: defaultCapacity, write: writeFileAtomically, ...options };
  }

  async load(): Promise<void> {
    const kept = fileSchema.safeParse(await readJsonFile(this.#options.path));
    for (const entry of kept.data?.commands ?? []) this.#entries.set(entry.id, entry);
  }

  get entries(): readonly JournalEntry[] {
    return [...this.#entries.values()];
  }

  find(id: string): JournalEntry | undefined {
    return this.#entries.get(id);
  }

  /**
   * Remembers a command, on disk when it resolves. False when it remembers so many that could still come again that
   * there is no room. Rejects when the disk does not take it: then it is not remembered.
   */
  async take(entry: JournalEntry, now: number): Promise<boolean> {
    if (!this.#makeRoom(now)) return false;
    this.#entries.set(entry.id, entry);
    try {
      await this.#store();
    } catch (error) {
      this.#entries.delete(entry.id);
      throw error;
    }
    return true;
  }

  /**
   * Forgets, on disk too, what was asked of the board before: that was another owner's. What could still come again stays
   * until it has expired, or it would be executed again.
   */
  async forgetExpired(now: number): Promise<void> {
    for (const { id, expires_at } of this.entries) if (expires_at <= now) this.#entries.delete(id);
    await this.#store();
  }

  /**
   * Puts another answer in the place of the last one. An end is on disk when it resolves; the steps before it are not
   * worth a write: after a restart all of them mean that the command was begun.
   */
  async answer(id: string, answer: CommandAnswer): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.set(id, { ...entry, answer, delivered: false });
    if (isFinal(answer)) await this.#store();
  }

  /** Notes that the cloud has this answer, unless it was replaced meanwhile. Lost in a crash it is only sent again. */
  async noteDelivered(id: string, answer: CommandAnswer): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry?.answer !== answer) return;
    this.#entries.set(id, { ...entry, delivered: true });
    if (isFinal(answer)) await this.#store();
  }

  /** An expired command would be rejected if it came again: it may be forgotten. */
  #makeRoom(now: number): boolean {
    if (this.#entries.size < this.#options.capacity) return true;
    const oldest = this.entries.find(({ expires_at, answer }) => expires_at <= now && isFinal(answer));
    return oldest !== undefined && this.#entries.delete(oldest.id);
  }

  /** One write after the other; each writes what is known when its turn comes. */
  #store(): Promise<void> {
    const { path, write } = this.#options;
    const stored = this.#writing.then(() => write(path, JSON.stringify({ commands: this.entries })));
    this.#writing = stored.catch(() => {});
    return stored;
  }
}

import { ownershipStateSchema } from '@aovis/contracts/ownership';
import * as z from 'zod';
import { readJsonFile, writeFileAtomically } from '../host/atomic-file.ts';
import { keptWindowSchema } from './claim-window.ts';

const fileSchema = z.object({
  /** What the cloud said last; absent on a board that was never told. */
  ownership: ownershipStateSchema.optional(),
  /** What a former owner left has not been removed yet. */
  wipe_pending: z.boolean(),
  window: keptWindowSchema.optional(),
});
export type BindingMemory = z.infer<typeof fileSchema>;

export interface BindingFileOptions {
  path: string;
  /** Replaces the file so that power may fail at any instant. */
  write?: (path: string, content: string) => Promise<void>;
}

/** What a board must not forget over a restart. Without the file it is a board fresh from the factory. */
export class BindingFile {
  readonly #options: Required<BindingFileOptions>;

  constructor(options: BindingFileOptions) {
    this.#options = { write: writeFileAtomically, ...options };
  }

  async load(): Promise<BindingMemory> {
    const kept = fileSchema.safeParse(await readJsonFile(this.#options.path));
    return kept.data ?? { wipe_pending: false };
  }

  /** On disk when it resolves; rejects, with a sentence for the log, when the disk does not take it. */
  async store(memory: BindingMemory): Promise<void> {
    try {
      await this.#options.write(this.#options.path, JSON.stringify(memory));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `whose this board is cannot be kept in the state directory (${reason}). Free space on its disk and make it ` +
          'writable: until then the board tells the cloud nothing.',
        { cause },
      );
    }
  }
}

import * as z from 'zod';
import { readJsonFile, writeFileAtomically } from '../host/atomic-file.ts';

const outcomeSchema = z.object({
  job_id: z.string(),
  execution_number: z.int(),
  operation: z.string(),
  status: z.enum(['SUCCEEDED', 'FAILED', 'REJECTED']),
  details: z.record(z.string(), z.string()),
});
/** How a job ended, which the service may not know yet. */
export type KeptOutcome = z.infer<typeof outcomeSchema>;

const fileSchema = z.object({ outcome: outcomeSchema.optional() });

/** The outcome of the last job until the service has it, on disk: what was done is not done again to find out. */
export class OutcomeFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<KeptOutcome | undefined> {
    return fileSchema.safeParse(await readJsonFile(this.#path)).data?.outcome;
  }

  /** On disk when it resolves. */
  write(outcome: KeptOutcome): Promise<void> {
    return writeFileAtomically(this.#path, JSON.stringify({ outcome }));
  }

  clear(): Promise<void> {
    return writeFileAtomically(this.#path, '{}');
  }
}

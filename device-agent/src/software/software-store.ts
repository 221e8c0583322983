import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { readJsonFile, writeFileAtomically } from '../host/atomic-file.ts';

export const slots = ['a', 'b'] as const;
export type Slot = (typeof slots)[number];

const stateSchema = z.object({
  schema_version: z.literal(1),
  /** Absent: the agent that was installed. */
  active: z.enum(slots).optional(),
  /** A release that has still to show that it works. */
  trial: z
    .object({
      slot: z.enum(slots),
      version: z.string(),
      job_id: z.string(),
      /** How often it was begun. */
      starts: z.int(),
      /** Parts that were well before the update; it has to be so again. */
      well: z.array(z.string()),
    })
    .optional(),
  /** The last release that did not work, until its job knows. */
  rolled_back: z.object({ job_id: z.string(), version: z.string(), reason: z.string() }).optional(),
});
export type SoftwareState = z.infer<typeof stateSchema>;
export type SoftwareTrial = NonNullable<SoftwareState['trial']>;

/**
 * The agents in the state directory: two slots, of which one counts and the other takes the next release. The program that was
 * installed reads this file at each start, whatever release it then begins: its form must stay.
 */
export class SoftwareStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  slotDirectory(slot: Slot): string {
    return join(this.directory, slot);
  }

  async read(): Promise<SoftwareState> {
    return stateSchema.safeParse(await readJsonFile(this.#file)).data ?? { schema_version: 1 };
  }

  /** On disk when it resolves, as a whole. */
  write(state: SoftwareState): Promise<void> {
    return writeFileAtomically(this.#file, `${JSON.stringify(state)}\n`);
  }

  /** Gives up a trial. The slot it was in stays, unused, until the next release. */
  async rollBack(reason: string): Promise<void> {
    const { trial, ...rest } = await this.read();
    if (trial === undefined) return;
    const { job_id, version } = trial;
    await this.write({ ...rest, rolled_back: { job_id, version, reason } });
  }

  /** The trial's release is the agent from now on. */
  async confirm(): Promise<void> {
    const { trial, rolled_back: _, ...rest } = await this.read();
    if (trial !== undefined) await this.write({ ...rest, active: trial.slot });
  }

  /** An empty directory for the next release, and its slot: never the one that counts. */
  async clearSpareSlot(): Promise<Slot> {
    const { active } = await this.read();
    const spare: Slot = active === 'a' ? 'b' : 'a';
    await rm(this.slotDirectory(spare), { recursive: true, force: true });
    await mkdir(this.slotDirectory(spare), { recursive: true, mode: 0o700 });
    return spare;
  }

  get #file(): string {
    return join(this.directory, 'software.json');
  }
}

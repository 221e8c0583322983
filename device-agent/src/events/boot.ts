import * as z from 'zod';
import { keepFile, readJsonFile } from '../host/atomic-file.ts';
import type { Logger } from '../host/logger.ts';
import type { BoardEvents } from './board-events.ts';

const lastBootSchema = z.object({ machine_boot_id: z.string() });

export interface BootOptions {
  /** File of the machine's boot id at the last start. */
  path: string;
  /** Of this start of the agent. */
  bootId: string;
  /** Of the machine's present boot. */
  machineBootId: string | undefined;
  agentVersion: string;
  logger: Logger;
}

/** Says that the agent started, and whether the machine did too. */
export async function announceBoot(events: BoardEvents, options: BootOptions): Promise<void> {
  const { path, bootId, machineBootId, agentVersion, logger } = options;
  const last = lastBootSchema.safeParse(await readJsonFile(path));
  const sameMachineBoot = last.success && last.data.machine_boot_id === machineBootId;
  events.emit('boot', {
    boot_id: bootId,
    agent_version: agentVersion,
    cause: sameMachineBoot ? 'agent_restarted' : 'machine_started',
  });
  if (machineBootId !== undefined && !sameMachineBoot)
    await keepFile(path, JSON.stringify({ machine_boot_id: machineBootId }), logger);
}

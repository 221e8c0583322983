/**
 * The reboot of a simulated board, in plain JavaScript so that Node 20 takes it too: the agent, which has started this, is ended in order
 * as at a shutdown, and finds another boot when it is started again.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';

writeFileSync(process.env.AOVIS_AGENT_BOOT_ID_FILE, randomUUID());
process.kill(process.ppid, 'SIGTERM');

import { deviceIdOf, deviceIdSchema, serialSchema } from '@aovis/contracts/ids';
import { agentVersionSchema, isJobOperation, type JobOperation } from '@aovis/contracts/jobs';

/** The others need this command for as long as they run: it is where they fetch from and bring to. */
const resumable: ReadonlySet<JobOperation> = new Set(['reboot', 'rotate-certificate']);

const usage = `Say which board shall do what:
  npm run job -- list                                   the latest jobs, and what became of them
  npm run job -- <board> reboot [--job <id>]
  npm run job -- <board> rotate-certificate [--job <id>]
  npm run job -- <board> upload-logs
  npm run job -- <board> update-agent [<version>]       to the agent of this repository, under a newer version
A board is named by its serial (N4K-000001) or its device id (aovis-n4k-000001).`;

/** What one board shall do. */
export interface BoardWish {
  deviceId: string;
  operation: JobOperation;
  /** Of a job that was begun before. */
  jobId?: string | undefined;
  /** Of the release to make. */
  version?: string;
}

/** Before anything is sent. @throws Error with the usage */
export function parseJobWords(words: readonly string[], jobId?: string): BoardWish | 'list' {
  const [board, operation, version, ...more] = words;
  if (board === 'list' && operation === undefined) return 'list';
  if (board === undefined || !isJobOperation(operation) || more.length > 0) throw new Error(usage);
  const wish: BoardWish = { deviceId: deviceIdFrom(board), operation };
  if (jobId !== undefined && !resumable.has(operation)) throw new Error(usage);
  if (version === undefined) return { ...wish, jobId };
  if (operation === 'update-agent' && agentVersionSchema.safeParse(version).success)
    return { ...wish, version };
  throw new Error(usage);
}

function deviceIdFrom(board: string): string {
  const deviceId = deviceIdSchema.safeParse(board.toLowerCase());
  if (deviceId.success) return deviceId.data;
  const serial = serialSchema.safeParse(board.toUpperCase());
  if (serial.success) return deviceIdOf(serial.data);
  throw new Error(`«${board}» is no serial and no device id.\n${usage}`);
}

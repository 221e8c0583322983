import { randomUUID } from 'node:crypto';
import type { AgentConfig } from '../config.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { JobHandlers } from './job-handler.ts';
import { JobRunner } from './job-runner.ts';
import { JobsClient } from './jobs-client.ts';
import { OutcomeFile } from './outcome-file.ts';
import { rebootJob } from './reboot-job.ts';
import { uploadLogsJob } from './upload-logs-job.ts';

export interface JobsOptions {
  config: Pick<AgentConfig, 'rebootCommand' | 'logsCommand'>;
  thing: string;
  connection: IotConnection;
  clock: Clock;
  random: () => number;
  logger: Logger;
  machineBootId: string | undefined;
  /** Where the end of a job is kept until the service has it. */
  outcomePath: string;
}

/** The jobs that this board carries out, as it is configured. */
export function createJobs(options: JobsOptions): JobRunner {
  const { thing, connection, clock, random, logger, outcomePath } = options;
  return new JobRunner({
    client: new JobsClient({ connection, clock, thing, newToken: randomUUID }),
    connection,
    clock,
    logger,
    random,
    outcomes: new OutcomeFile(outcomePath),
    handlers: handlersOf(options),
  });
}

function handlersOf({ config, clock, logger, machineBootId }: JobsOptions): JobHandlers {
  const { rebootCommand, logsCommand } = config;
  return {
    ...(rebootCommand === undefined
      ? {}
      : { reboot: rebootJob({ clock, logger, program: rebootCommand, machineBootId }) }),
    ...(logsCommand === undefined ? {} : { 'upload-logs': uploadLogsJob({ program: logsCommand }) }),
  };
}

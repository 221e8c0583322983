import { randomUUID } from 'node:crypto';
import type { AgentConfig } from '../config.ts';
import type { CredentialSource } from '../credentials/credential-source.ts';
import { buildInfo } from '../host/build-info.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { BundleIdentities } from '../identity/bundle-identities.ts';
import type { MqttConnection } from '../iot/mqtt-connection.ts';
import { runningSoftware } from '../software/running-software.ts';
import type { JobHandlers } from './job-handler.ts';
import { JobRunner } from './job-runner.ts';
import { JobsClient } from './jobs-client.ts';
import { OutcomeFile } from './outcome-file.ts';
import { rebootJob } from './reboot-job.ts';
import { rotateCertificateJob } from './rotation/rotate-certificate-job.ts';
import { Trial } from './rotation/trial.ts';
import { type UpdateAgentOptions, updateAgentJob } from './update/update-agent-job.ts';
import { uploadLogsJob } from './upload-logs-job.ts';

export interface JobsOptions {
  config: Pick<AgentConfig, 'rebootCommand' | 'logsCommand' | 'updateKey'>;
  thing: string;
  connection: MqttConnection;
  credentials: CredentialSource;
  identities: BundleIdentities;
  clock: Clock;
  random: () => number;
  logger: Logger;
  machineBootId: string | undefined;
  update: Pick<UpdateAgentOptions, 'store' | 'watch' | 'wellParts' | 'restart'>;
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

function handlersOf(options: JobsOptions): JobHandlers {
  const { config, thing, connection, credentials, identities, clock, logger, machineBootId } = options;
  const { rebootCommand, logsCommand, updateKey } = config;
  const renewCredentials = async (): Promise<void> => {
    credentials.forget();
    await credentials.get();
  };
  const trial = new Trial({ ...identities, connection, renewCredentials, clock });
  return {
    'rotate-certificate': rotateCertificateJob({ ...identities, thing, trial, clock, logger }),
    ...(rebootCommand === undefined
      ? {}
      : { reboot: rebootJob({ clock, logger, program: rebootCommand, machineBootId }) }),
    // From its sources the agent is not one file that another could take the place of.
    ...(updateKey === undefined || !buildInfo.bundled
      ? {}
      : {
          'update-agent': updateAgentJob({
            ...options.update,
            software: runningSoftware(),
            version: buildInfo.version,
            vendorKeyPath: updateKey,
            logger,
          }),
        }),
    ...(logsCommand === undefined ? {} : { 'upload-logs': uploadLogsJob({ program: logsCommand }) }),
  };
}

import {
  CreateJobCommand,
  DescribeEndpointCommand,
  DescribeJobExecutionCommand,
  DescribeThingCommand,
  IoTClient,
} from '@aws-sdk/client-iot';
import { IoTJobsDataPlaneClient, UpdateJobExecutionCommand } from '@aws-sdk/client-iot-jobs-data-plane';
import type { BoardJob, BoardJobs } from '../features/rotation/rotation-ports.ts';
import { isAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** Status details that an operator must not overwrite any more; AWS IoT Jobs data plane API reference, UpdateJobExecution. */
const movedOn = ['ConflictException', 'InvalidStateTransitionException', 'ResourceNotFoundException'];

/** Jobs of boards by AWS IoT's control plane; what is written into one under way goes by the jobs data plane. */
export class IotJobs implements BoardJobs {
  readonly #settings: AwsClientSettings;
  readonly #control: IoTClient;
  #data: IoTJobsDataPlaneClient | undefined;

  constructor(settings: AwsClientSettings) {
    this.#settings = settings;
    this.#control = new IoTClient(clientConfig(settings));
  }

  async create(job: Parameters<BoardJobs['create']>[0]): Promise<void> {
    const { jobId, deviceId, document, timeoutMinutes } = job;
    const { thingArn } = await this.#control.send(new DescribeThingCommand({ thingName: deviceId }));
    try {
      await this.#control.send(
        new CreateJobCommand({
          jobId,
          targets: [thingArn ?? ''],
          document: JSON.stringify(document),
          timeoutConfig: { inProgressTimeoutInMinutes: timeoutMinutes },
        }),
      );
    } catch (error) {
      if (!isAwsError(error, 'ResourceAlreadyExistsException')) throw error;
    }
  }

  async find(deviceId: string, jobId: string): Promise<BoardJob | undefined> {
    try {
      const { execution } = await this.#control.send(
        new DescribeJobExecutionCommand({ thingName: deviceId, jobId }),
      );
      const { status = 'QUEUED', statusDetails, versionNumber = 0 } = execution ?? {};
      return { status, details: statusDetails?.detailsMap ?? {}, version: versionNumber };
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  }

  async setDetails(
    deviceId: string,
    jobId: string,
    { details, expectedVersion }: Parameters<BoardJobs['setDetails']>[2],
  ): Promise<boolean> {
    try {
      const client = await this.#dataPlane();
      await client.send(
        new UpdateJobExecutionCommand({
          thingName: deviceId,
          jobId,
          status: 'IN_PROGRESS',
          statusDetails: { ...details },
          expectedVersion,
        }),
      );
      return true;
    } catch (error) {
      if (isAwsError(error, ...movedOn)) return false;
      throw error;
    }
  }

  close(): void {
    this.#control.destroy();
    this.#data?.destroy();
  }

  /** Each account has an address of its own; where the control plane's is plain HTTP (a laptop), so is that. */
  async #dataPlane(): Promise<IoTJobsDataPlaneClient> {
    if (this.#data !== undefined) return this.#data;
    const { endpointAddress } = await this.#control.send(
      new DescribeEndpointCommand({ endpointType: 'iot:Jobs' }),
    );
    const { protocol } = new URL(this.#settings.endpoint ?? 'https://aws');
    this.#data = new IoTJobsDataPlaneClient(
      clientConfig({ ...this.#settings, endpoint: `${protocol}//${endpointAddress}` }),
    );
    return this.#data;
  }
}

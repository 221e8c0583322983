import { CreateJobCommand, CreateThingCommand, IoTClient } from '@aws-sdk/client-iot';
import { IoTJobsDataPlaneClient } from '@aws-sdk/client-iot-jobs-data-plane';
import { type TestBoard, TestCloud } from '../../iot-broker/testing/test-cloud.ts';
import { registryTargets } from '../../iot-core/job-targets.ts';
import { IotCore } from '../../iot-core/server.ts';
import { createIotData, type IotData } from '../../iot-data/server.ts';
import { Shadows } from '../../iot-data/shadows.ts';
import { Iam } from '../../kernel/iam.ts';
import { accountKey } from '../../kernel/testing/test-environment.ts';
import { IotJobs } from '../iot-jobs.ts';

const elsewhere = (): string => 'localhost:1';

/** Broker, control plane and data plane with jobs, and AWS's own clients with nothing but an endpoint override. */
export class TestJobs {
  readonly cloud: TestCloud;
  readonly control: IoTClient;
  readonly data: IoTJobsDataPlaneClient;
  readonly #services: readonly (IotCore | IotData | IotJobs)[];

  private constructor(cloud: TestCloud, iotCore: IotCore, iotData: IotData, iotJobs: IotJobs) {
    this.cloud = cloud;
    this.#services = [iotJobs, iotData, iotCore];
    const common = { region: cloud.environment.region, credentials: accountKey, maxAttempts: 1 };
    this.control = new IoTClient({ ...common, endpoint: `http://localhost:${iotCore.port}` });
    this.data = new IoTJobsDataPlaneClient({ ...common, endpoint: `http://localhost:${iotData.port}` });
  }

  static async start(): Promise<TestJobs> {
    const cloud = await TestCloud.start();
    const { environment, broker } = cloud;
    environment.faults.throttling = false;
    environment.accessKeys.add({
      ...accountKey,
      principal: { kind: 'account', accessKeyId: accountKey.accessKeyId },
    });
    const iotJobs = new IotJobs(environment, registryTargets(environment), () => broker);
    const endpoints = { mqtt: elsewhere, data: elsewhere, credentials: elsewhere };
    const iam = new Iam(environment.store, environment.accountId);
    const iotCore = new IotCore(environment, iam, endpoints, 0, iotJobs.controlOperations);
    const iotData = createIotData(environment, new Shadows(environment), broker, {
      furtherOperations: iotJobs.dataOperations,
    });
    for (const service of [iotCore, iotData, iotJobs]) await service.start();
    return new TestJobs(cloud, iotCore, iotData, iotJobs);
  }

  arn(kind: 'thing' | 'thinggroup', name: string): string {
    const { region, accountId } = this.cloud.environment;
    return `arn:aws:iot:${region}:${accountId}:${kind}/${name}`;
  }

  /** A thing that may connect. */
  async board(thingName: string): Promise<TestBoard> {
    await this.control.send(new CreateThingCommand({ thingName }));
    return this.cloud.board(thingName);
  }

  async createJob(
    jobId: string,
    thingName: string,
    more: { document?: object; timeoutConfig?: { inProgressTimeoutInMinutes: number } } = {},
  ): Promise<void> {
    const { document = { operation: 'reboot' }, ...rest } = more;
    const targets = [this.arn('thing', thingName)];
    await this.control.send(
      new CreateJobCommand({ jobId, targets, document: JSON.stringify(document), ...rest }),
    );
  }

  async stop(): Promise<void> {
    this.control.destroy();
    this.data.destroy();
    for (const service of this.#services) await service.stop();
    await this.cloud.stop();
  }
}

import { IoTDataPlaneClient, type IoTDataPlaneClientConfig } from '@aws-sdk/client-iot-data-plane';
import type { BrokerOptions } from '../../iot-broker/broker-options.ts';
import { TestCloud } from '../../iot-broker/testing/test-cloud.ts';
import { createIotData, type IotData } from '../server.ts';
import { Shadows } from '../shadows.ts';

/** A broker and the data plane beside it, with AWS's own client for the latter. */
export class TestDataPlane {
  readonly cloud: TestCloud;
  readonly sdk: IoTDataPlaneClient;
  readonly #iotData: IotData;

  private constructor(cloud: TestCloud, iotData: IotData) {
    this.cloud = cloud;
    this.#iotData = iotData;
    this.sdk = this.client();
  }

  static async start(options: Partial<BrokerOptions> = {}): Promise<TestDataPlane> {
    const cloud = await TestCloud.start(options);
    const { environment, broker } = cloud;
    const accessKeyId = 'AKIDLOCAL';
    environment.accessKeys.add({
      accessKeyId,
      secretAccessKey: 'local-secret',
      principal: { kind: 'account', accessKeyId },
    });
    const shadows = new Shadows(environment);
    shadows.throttling = false;
    const iotData = createIotData(environment, shadows, broker);
    await iotData.start();
    return new TestDataPlane(cloud, iotData);
  }

  client(options: IoTDataPlaneClientConfig = {}): IoTDataPlaneClient {
    return new IoTDataPlaneClient({
      region: this.cloud.environment.region,
      endpoint: `http://127.0.0.1:${this.#iotData.port}`,
      credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'local-secret' },
      maxAttempts: 1,
      ...options,
    });
  }

  async stop(): Promise<void> {
    this.sdk.destroy();
    await this.#iotData.stop();
    await this.cloud.stop();
  }
}

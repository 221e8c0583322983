import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';
import type { BoardMessage, BoardPublisher } from '../features/commands/board-publisher.ts';
import { translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** Messages to boards by Publish of the AWS IoT data plane, QoS 1. */
export class IotPublisher implements BoardPublisher {
  readonly #client: IoTDataPlaneClient;

  constructor(settings: AwsClientSettings) {
    this.#client = new IoTDataPlaneClient(clientConfig(settings));
  }

  async publish({ topic, payload }: BoardMessage, signal: AbortSignal): Promise<void> {
    const command = new PublishCommand({ topic, qos: 1, payload: Buffer.from(JSON.stringify(payload)) });
    try {
      await this.#client.send(command, { abortSignal: signal });
    } catch (error) {
      throw translateAwsError(error);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}

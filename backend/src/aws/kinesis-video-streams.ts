import {
  CreateStreamCommand,
  DescribeStreamCommand,
  KinesisVideoClient,
  UpdateDataRetentionCommand,
} from '@aws-sdk/client-kinesis-video';
import type { VideoStreams } from '../features/video/video-ports.ts';
import { AppError } from '../kernel/errors.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** Streams of the Kinesis Video control plane. */
export class KinesisVideoStreams implements VideoStreams {
  readonly #client: KinesisVideoClient;

  constructor(settings: AwsClientSettings) {
    this.#client = new KinesisVideoClient(clientConfig(settings));
  }

  async ensureStream(stream: string, retentionHours: number): Promise<void> {
    try {
      if (await this.#create(stream, retentionHours)) return;
      await this.#raiseRetention(stream, retentionHours);
    } catch (error) {
      throw translateAwsError(error);
    }
  }

  async #create(stream: string, retentionHours: number): Promise<boolean> {
    try {
      await this.#client.send(
        new CreateStreamCommand({
          StreamName: stream,
          DataRetentionInHours: retentionHours,
          MediaType: 'video/h264',
        }),
      );
      return true;
    } catch (error) {
      if (isAwsError(error, 'ResourceInUseException')) return false;
      throw error;
    }
  }

  async #raiseRetention(stream: string, retentionHours: number): Promise<void> {
    const { StreamInfo: info } = await this.#client.send(new DescribeStreamCommand({ StreamName: stream }));
    const missingHours = retentionHours - (info?.DataRetentionInHours ?? 0);
    if (missingHours <= 0) return;
    if (info?.Status !== 'ACTIVE' || info.Version === undefined)
      throw new AppError('service_unavailable', { retryAfterMs: 5_000 });
    await this.#client.send(
      new UpdateDataRetentionCommand({
        StreamName: stream,
        CurrentVersion: info.Version,
        Operation: 'INCREASE_DATA_RETENTION',
        DataRetentionChangeInHours: missingHours,
      }),
    );
  }

  close(): void {
    this.#client.destroy();
  }
}

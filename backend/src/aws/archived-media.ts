import { type APIName, GetDataEndpointCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import { KinesisVideoArchivedMediaClient } from '@aws-sdk/client-kinesis-video-archived-media';
import { AppError } from '../kernel/errors.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, type ClientLimits, clientConfig } from './client-settings.ts';

/** The video is not there (yet), or its stream is not. */
const nothingToPlay = [
  'ResourceNotFoundException',
  'NoDataRetentionException',
  'MissingCodecPrivateDataException',
  'InvalidCodecPrivateDataException',
  'InvalidMediaFrameException',
  'UnsupportedStreamMediaTypeException',
];

/**
 * Calls of the archived-media API, at the data endpoint that Kinesis Video names for a stream and an operation. It is
 * asked for once and kept; when a call to it fails for a reason that another endpoint could mend, it is asked for
 * again and the call repeated once.
 */
export class ArchivedMedia {
  readonly #settings: AwsClientSettings;
  readonly #limits: ClientLimits;
  readonly #control: KinesisVideoClient;
  /** Data endpoint by operation and stream. */
  readonly #endpoints = new Map<string, string>();
  /** Streams share a handful of endpoints. */
  readonly #clients = new Map<string, KinesisVideoArchivedMediaClient>();

  constructor(settings: AwsClientSettings, limits: ClientLimits = {}) {
    this.#settings = settings;
    this.#limits = limits;
    this.#control = new KinesisVideoClient(clientConfig(settings));
  }

  /** @throws AppError stream_not_available, service_unavailable */
  async call<Result>(
    api: APIName,
    stream: string,
    send: (client: KinesisVideoArchivedMediaClient) => Promise<Result>,
  ): Promise<Result> {
    try {
      const known = this.#endpoints.get(`${api} ${stream}`);
      if (known === undefined) return await send(await this.#discover(api, stream));
      try {
        return await send(this.#clientFor(known));
      } catch (error) {
        if (isAwsError(error, ...nothingToPlay, 'AbortError')) throw error;
        return await send(await this.#discover(api, stream));
      }
    } catch (error) {
      if (isAwsError(error, ...nothingToPlay)) throw new AppError('stream_not_available', { cause: error });
      throw translateAwsError(error);
    }
  }

  async #discover(api: APIName, stream: string): Promise<KinesisVideoArchivedMediaClient> {
    this.#endpoints.delete(`${api} ${stream}`);
    const { DataEndpoint: endpoint } = await this.#control.send(
      new GetDataEndpointCommand({ StreamName: stream, APIName: api }),
    );
    if (endpoint === undefined) throw new Error('GetDataEndpoint answered without a DataEndpoint');
    this.#endpoints.set(`${api} ${stream}`, endpoint);
    return this.#clientFor(endpoint);
  }

  #clientFor(endpoint: string): KinesisVideoArchivedMediaClient {
    const known = this.#clients.get(endpoint);
    if (known !== undefined) return known;
    const client = new KinesisVideoArchivedMediaClient(
      clientConfig({ ...this.#settings, endpoint }, this.#limits),
    );
    this.#clients.set(endpoint, client);
    return client;
  }

  close(): void {
    this.#control.destroy();
    for (const client of this.#clients.values()) client.destroy();
  }
}

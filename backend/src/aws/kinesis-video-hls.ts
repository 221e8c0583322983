import { GetDataEndpointCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import {
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLInput,
  KinesisVideoArchivedMediaClient,
} from '@aws-sdk/client-kinesis-video-archived-media';
import type { Playback } from '../features/video/stream-request.ts';
import type { HlsSessions } from '../features/video/video-ports.ts';
import { AppError } from '../kernel/errors.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** The video is not there (yet), or its stream is not. */
const nothingToPlay = [
  'ResourceNotFoundException',
  'NoDataRetentionException',
  'MissingCodecPrivateDataException',
  'InvalidCodecPrivateDataException',
  'UnsupportedStreamMediaTypeException',
];

/**
 * HLS sessions by GetHLSStreamingSessionURL. The data endpoint of a stream is asked for once and kept; when a call to
 * it fails for a reason that another endpoint could mend, it is asked for again and the call repeated once.
 */
export class KinesisVideoHls implements HlsSessions {
  readonly #settings: AwsClientSettings;
  readonly #control: KinesisVideoClient;
  /** Data endpoint by stream name. */
  readonly #endpoints = new Map<string, string>();
  /** Streams share a handful of endpoints. */
  readonly #clients = new Map<string, KinesisVideoArchivedMediaClient>();

  constructor(settings: AwsClientSettings) {
    this.#settings = settings;
    this.#control = new KinesisVideoClient(clientConfig(settings));
  }

  async open(stream: string, playback: Playback, expiresSeconds: number): Promise<string> {
    try {
      const known = this.#endpoints.get(stream);
      if (known === undefined)
        return await this.#openAt(await this.#discover(stream), stream, playback, expiresSeconds);
      try {
        return await this.#openAt(known, stream, playback, expiresSeconds);
      } catch (error) {
        if (isAwsError(error, ...nothingToPlay)) throw error;
        this.#endpoints.delete(stream);
        return await this.#openAt(await this.#discover(stream), stream, playback, expiresSeconds);
      }
    } catch (error) {
      if (isAwsError(error, ...nothingToPlay)) throw new AppError('stream_not_available', { cause: error });
      throw translateAwsError(error);
    }
  }

  async #discover(stream: string): Promise<string> {
    const { DataEndpoint: endpoint } = await this.#control.send(
      new GetDataEndpointCommand({ StreamName: stream, APIName: 'GET_HLS_STREAMING_SESSION_URL' }),
    );
    if (endpoint === undefined) throw new Error('GetDataEndpoint answered without a DataEndpoint');
    this.#endpoints.set(stream, endpoint);
    return endpoint;
  }

  async #openAt(
    endpoint: string,
    stream: string,
    playback: Playback,
    expiresSeconds: number,
  ): Promise<string> {
    const { HLSStreamingSessionURL: url } = await this.#clientFor(endpoint).send(
      new GetHLSStreamingSessionURLCommand(hlsRequest(stream, playback, expiresSeconds)),
    );
    if (url === undefined) throw new Error('GetHLSStreamingSessionURL answered without a URL');
    return url;
  }

  #clientFor(endpoint: string): KinesisVideoArchivedMediaClient {
    const known = this.#clients.get(endpoint);
    if (known !== undefined) return known;
    const client = new KinesisVideoArchivedMediaClient(clientConfig({ ...this.#settings, endpoint }));
    this.#clients.set(endpoint, client);
    return client;
  }

  close(): void {
    this.#control.destroy();
    for (const client of this.#clients.values()) client.destroy();
  }
}

/**
 * Live goes by the server's time, so that a board with a wrong clock can be watched; recordings go by the time at
 * which they were taken, since boards catch up after an outage. Players are told where fragments do not join, and the
 * wall-clock time of each.
 */
export function hlsRequest(
  stream: string,
  playback: Playback,
  expiresSeconds: number,
): GetHLSStreamingSessionURLInput {
  const common = {
    StreamName: stream,
    ContainerFormat: 'FRAGMENTED_MP4',
    DiscontinuityMode: 'ON_DISCONTINUITY',
    DisplayFragmentTimestamp: 'ALWAYS',
    Expires: expiresSeconds,
  } as const;
  switch (playback.mode) {
    case 'live':
      return {
        ...common,
        PlaybackMode: 'LIVE',
        HLSFragmentSelector: { FragmentSelectorType: 'SERVER_TIMESTAMP' },
      };
    case 'replay':
      return {
        ...common,
        PlaybackMode: 'LIVE_REPLAY',
        HLSFragmentSelector: {
          FragmentSelectorType: 'PRODUCER_TIMESTAMP',
          TimestampRange: { StartTimestamp: playback.start, EndTimestamp: playback.end },
        },
      };
    case 'on_demand':
      return {
        ...common,
        PlaybackMode: 'ON_DEMAND',
        HLSFragmentSelector: {
          FragmentSelectorType: 'PRODUCER_TIMESTAMP',
          TimestampRange: { StartTimestamp: playback.start, EndTimestamp: playback.end },
        },
        // The service's maximum: at 2 s a fragment, 2 h 46 min.
        MaxMediaPlaylistFragmentResults: 5_000,
      };
  }
}

import {
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLInput,
} from '@aws-sdk/client-kinesis-video-archived-media';
import type { Playback } from '../features/video/stream-request.ts';
import type { HlsSessions } from '../features/video/video-ports.ts';
import { ArchivedMedia } from './archived-media.ts';
import type { AwsClientSettings } from './client-settings.ts';

/** HLS sessions by GetHLSStreamingSessionURL. */
export class KinesisVideoHls implements HlsSessions {
  readonly #media: ArchivedMedia;

  constructor(settings: AwsClientSettings) {
    this.#media = new ArchivedMedia(settings);
  }

  async open(stream: string, playback: Playback, expiresSeconds: number): Promise<string> {
    const { HLSStreamingSessionURL: url } = await this.#media.call(
      'GET_HLS_STREAMING_SESSION_URL',
      stream,
      (client) =>
        client.send(new GetHLSStreamingSessionURLCommand(hlsRequest(stream, playback, expiresSeconds))),
    );
    if (url === undefined) throw new Error('GetHLSStreamingSessionURL answered without a URL');
    return url;
  }

  close(): void {
    this.#media.close();
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

import { Readable } from 'node:stream';
import {
  GetClipCommand,
  type GetClipCommandOutput,
  ListFragmentsCommand,
} from '@aws-sdk/client-kinesis-video-archived-media';
import type { ClipSize } from '../features/video/clip-rules.ts';
import type { Clips } from '../features/video/video-ports.ts';
import type { VideoRange } from '../features/video/video-range.ts';
import { ArchivedMedia } from './archived-media.ts';
import type { AwsClientSettings } from './client-settings.ts';

/** The service muxes before it answers; afterwards the pace is the viewer's, who is cut off elsewhere after a minute. */
const clipLimits = { requestTimeoutMs: 20_000, idleTimeoutMs: 90_000, maxAttempts: 2 };

/** Clips by ListFragments and GetClip, by the time at which pictures were taken: boards catch up after an outage. */
export class KinesisVideoClips implements Clips {
  readonly #media: ArchivedMedia;

  constructor(settings: AwsClientSettings) {
    this.#media = new ArchivedMedia(settings, clipLimits);
  }

  async measure(stream: string, range: VideoRange, limits: ClipSize): Promise<ClipSize> {
    let fragments = 0;
    let bytes = 0;
    let nextToken: string | undefined;
    do {
      const page = await this.#fragments(stream, range, nextToken);
      for (const { FragmentSizeInBytes: size = 0 } of page.Fragments ?? []) {
        fragments += 1;
        bytes += size;
      }
      nextToken = page.NextToken;
    } while (nextToken !== undefined && fragments <= limits.fragments && bytes <= limits.bytes);
    return { fragments, bytes };
  }

  #fragments(stream: string, range: VideoRange, nextToken: string | undefined) {
    // A page that goes on takes nothing beside its token and the stream.
    const rest = nextToken === undefined ? { FragmentSelector: selectorOf(range) } : { NextToken: nextToken };
    return this.#media.call('LIST_FRAGMENTS', stream, (client) =>
      client.send(new ListFragmentsCommand({ StreamName: stream, MaxResults: 1_000, ...rest })),
    );
  }

  async open(stream: string, range: VideoRange, signal: AbortSignal): Promise<Readable> {
    const command = new GetClipCommand({ StreamName: stream, ClipFragmentSelector: selectorOf(range) });
    const { Payload: payload } = await this.#media.call('GET_CLIP', stream, (client) =>
      client.send(command, { abortSignal: signal }),
    );
    return readableOf(payload);
  }

  close(): void {
    this.#media.close();
  }
}

function selectorOf({ start, end }: VideoRange) {
  return {
    FragmentSelectorType: 'PRODUCER_TIMESTAMP',
    TimestampRange: { StartTimestamp: start, EndTimestamp: end },
  } as const;
}

/** In Node the SDK hands over the response itself; its type allows for browsers too. */
function readableOf(payload: GetClipCommandOutput['Payload']): Readable {
  if (payload instanceof Readable) return payload;
  throw new Error('GetClip answered without a body');
}

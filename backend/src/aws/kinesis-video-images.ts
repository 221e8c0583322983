import { GetImagesCommand, type Image } from '@aws-sdk/client-kinesis-video-archived-media';
import type { ThumbnailRequest, Thumbnails } from '../features/ai/ai-ports.ts';
import { ArchivedMedia } from './archived-media.ts';
import type { AwsClientSettings } from './client-settings.ts';

/** The service decodes video before it answers. */
const imageLimits = { requestTimeoutMs: 20_000, maxAttempts: 2 };
const jpegQuality = 60;
/** GetImages takes no less. */
const shortestIntervalMs = 200;

/** Still pictures by GetImages, by the time at which they were taken. */
export class KinesisVideoImages implements Thumbnails {
  readonly #media: ArchivedMedia;

  constructor(settings: AwsClientSettings) {
    this.#media = new ArchivedMedia(settings, imageLimits);
  }

  async take(
    stream: string,
    { range, count, heightPixels, maxBytes }: ThumbnailRequest,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const lengthMs = range.end.getTime() - range.start.getTime();
    const command = new GetImagesCommand({
      StreamName: stream,
      ImageSelectorType: 'PRODUCER_TIMESTAMP',
      StartTimestamp: range.start,
      EndTimestamp: range.end,
      SamplingInterval: Math.max(shortestIntervalMs, Math.ceil(lengthMs / count)),
      Format: 'JPEG',
      FormatConfig: { JPEGQuality: String(jpegQuality) },
      // The width follows; a width without a height is refused.
      HeightPixels: heightPixels,
      MaxResults: count,
    });
    const { Images: images = [] } = await this.#media.call('GET_IMAGES', stream, (client) =>
      client.send(command, { abortSignal: signal }),
    );
    return images
      .map(jpegOf)
      .filter((image) => image !== undefined)
      .filter((image) => image.length <= maxBytes)
      .slice(0, count);
  }

  close(): void {
    this.#media.close();
  }
}

/** Undefined for a moment of which there is no picture, and for what is no JPEG. */
function jpegOf({ Error: problem, ImageContent: content }: Image): Uint8Array | undefined {
  if (problem !== undefined || content === undefined) return undefined;
  const bytes = Buffer.from(content, 'base64');
  // Start of image, and the first byte of the next marker (ITU-T T.81, B.1.1.3).
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? bytes : undefined;
}

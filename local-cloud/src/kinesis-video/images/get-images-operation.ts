import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import { epochSeconds, parseInput, type StreamAccess, streamRef, timestampSchema } from '../api.ts';
import { invalidArgument, noDataRetention } from '../errors.ts';
import { type Fragment, type FragmentMedia, parseFragment } from '../fragment.ts';
import { timestampKind } from '../hls/hls-session-operation.ts';
import type { State } from '../state.ts';
import { type StreamMedia, timeOf, withoutDuplicates } from '../stream-media.ts';
import type { PictureDecoder } from './picture-decoder.ts';
import { fragmentAt, frameAt, maxPageSize, samplePage } from './sampling.ts';

const maxRangeMs = 300_000;
/** A fragment that began earlier than this before a time does not play at it (quotas, "Fragment duration"). */
const maxFragmentMs = 40_000;

const qualitySchema = z
  .string()
  .regex(/^\d{1,3}$/)
  .transform(Number)
  .refine((quality) => quality >= 1 && quality <= 100, 'JPEGQuality is from 1 to 100');

const inputSchema = z.object({
  ...streamRef,
  ImageSelectorType: timestampKind,
  StartTimestamp: timestampSchema,
  EndTimestamp: timestampSchema,
  SamplingInterval: z.int().min(200).default(3000),
  Format: z.enum(['JPEG', 'PNG']),
  FormatConfig: z.strictObject({ JPEGQuality: qualitySchema.default(80) }).default({ JPEGQuality: 80 }),
  WidthPixels: z.int().min(1).max(3840).optional(),
  HeightPixels: z.int().min(1).max(2160).optional(),
  MaxResults: z.int().min(1).max(100).default(maxPageSize),
  NextToken: z.string().min(1).max(4096).optional(),
});
type Input = z.infer<typeof inputSchema>;

type Image = { TimeStamp: number; ImageContent?: string; Error?: 'NO_MEDIA' | 'MEDIA_ERROR' };

export interface GetImagesContext {
  state: State;
  access: StreamAccess;
  decoder: PictureDecoder;
}

/** GetImages (Kinesis Video Archived Media API Reference): a picture for each time of a range. */
export function getImagesOperation({ state, access, decoder }: GetImagesContext): AwsOperation {
  return {
    name: 'GetImages',
    method: 'POST',
    path: '/getImages',
    async handle(request) {
      const input = parseInput(inputSchema, request.json());
      const stream = access.get(request.principal, 'GetImages', input);
      check(input);
      if (stream.retentionHours === 0) throw noDataRetention();
      const { StartTimestamp: startMs, EndTimestamp: endMs, SamplingInterval: intervalMs } = input;
      const pageSize = Math.min(input.MaxResults, maxPageSize);
      const { times, next } = samplePage(
        { startMs, endMs, intervalMs },
        pageSize,
        readToken(input.NextToken),
      );
      const left = new AbortController();
      request.raw.response.once('close', () => left.abort());
      const sampler = new Sampler(state.media(stream), decoder, input, left.signal);
      return {
        json: {
          Images: await Promise.all(times.map((timeMs) => sampler.image(timeMs))),
          ...(next === undefined ? {} : { NextToken: Buffer.from(String(next)).toString('base64url') }),
        },
      };
    },
  };
}

function check({ StartTimestamp, EndTimestamp, WidthPixels, HeightPixels }: Input): void {
  if (EndTimestamp < StartTimestamp)
    throw invalidArgument('EndTimestamp must not be earlier than StartTimestamp.');
  if (EndTimestamp - StartTimestamp > maxRangeMs)
    throw invalidArgument('EndTimestamp must be within 300 seconds of StartTimestamp.');
  if (WidthPixels !== undefined && HeightPixels === undefined)
    throw invalidArgument('WidthPixels needs HeightPixels with it.');
}

function readToken(token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  const text = Buffer.from(token, 'base64url').toString('latin1');
  if (!/^\d{1,15}$/.test(text)) throw invalidArgument('NextToken is not one that GetImages gave.');
  return Number(text);
}

/** The pictures of one answer. A fragment is read and taken apart once. */
class Sampler {
  readonly #media: StreamMedia;
  readonly #decoder: PictureDecoder;
  readonly #input: Input;
  readonly #signal: AbortSignal;
  readonly #fragments: readonly Fragment[];
  readonly #opened = new Map<string, Promise<OpenFragment | undefined>>();

  constructor(media: StreamMedia, decoder: PictureDecoder, input: Input, signal: AbortSignal) {
    const { ImageSelectorType: kind, StartTimestamp, EndTimestamp } = input;
    this.#media = media;
    this.#decoder = decoder;
    this.#input = input;
    this.#signal = signal;
    this.#fragments = withoutDuplicates(
      kind,
      media.within(kind, StartTimestamp - maxFragmentMs, EndTimestamp),
    );
  }

  async image(timeMs: number): Promise<Image> {
    const TimeStamp = epochSeconds(timeMs);
    const { ImageSelectorType: kind, Format, FormatConfig, WidthPixels, HeightPixels } = this.#input;
    const fragment = fragmentAt(kind, this.#fragments, timeMs);
    const opened = fragment === undefined ? undefined : await this.#open(fragment.number);
    if (fragment === undefined || opened === undefined) return { TimeStamp, Error: 'NO_MEDIA' };
    if (opened.frameOffsetsMs.length === 0) return { TimeStamp, Error: 'MEDIA_ERROR' };
    const picture = await this.#decoder.decode(
      {
        media: opened.media,
        frame: frameAt(opened.frameOffsetsMs, timeMs - timeOf(kind)(fragment)),
        format: Format,
        quality: FormatConfig.JPEGQuality,
        width: WidthPixels,
        height: HeightPixels,
      },
      this.#signal,
    );
    return picture === undefined
      ? { TimeStamp, Error: 'MEDIA_ERROR' }
      : { TimeStamp, ImageContent: picture.toString('base64') };
  }

  #open(number: string): Promise<OpenFragment | undefined> {
    let opened = this.#opened.get(number);
    if (opened === undefined) {
      opened = this.#media.read(number).then((media) => media && openFragment(media));
      this.#opened.set(number, opened);
    }
    return opened;
  }
}

interface OpenFragment {
  media: FragmentMedia;
  /** Of the first video track, in order of presentation; none where there is no video. */
  frameOffsetsMs: number[];
}

function openFragment(media: FragmentMedia): OpenFragment {
  const { tracks, frames } = parseFragment(media);
  const video = tracks.find(({ type }) => type === 'video');
  const offsets = (video === undefined ? undefined : frames.get(video.number)) ?? [];
  return { media, frameOffsetsMs: offsets.map(({ offsetMs }) => offsetMs).sort((a, b) => a - b) };
}

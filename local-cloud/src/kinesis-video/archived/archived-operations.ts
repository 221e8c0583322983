import { z } from 'zod';
import { AwsError } from '../../kernel/aws-error.ts';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import type { Clock } from '../../kernel/clock.ts';
import {
  checkRange,
  epochSeconds,
  parseInput,
  type StreamAccess,
  streamRef,
  timestampSchema,
} from '../api.ts';
import { invalidArgument, noDataRetention, notFound } from '../errors.ts';
import { type Fragment, parseFragment } from '../fragment.ts';
import { compareFragmentNumbers } from '../fragment-number.ts';
import { timestampKind } from '../hls/hls-session-operation.ts';
import { type ClipTrack, clipFile } from '../mp4/clip.ts';
import { codecsOf } from '../mp4/codec.ts';
import { samplesOf } from '../mp4/samples.ts';
import type { Quotas } from '../quotas.ts';
import type { State } from '../state.ts';
import { type StreamMedia, type TimestampKind, timeOf, withoutDuplicates } from '../stream-media.ts';
import { archivedTags, withTags } from './media-output.ts';

/** Limits of GetClip. */
const maxClipBytes = 100 * 1024 * 1024;
const maxClipFragments = 200;

const range = z.object({ StartTimestamp: timestampSchema, EndTimestamp: timestampSchema });
const listFragmentsInput = z.object({
  ...streamRef,
  MaxResults: z.int().min(1).max(1000).default(100),
  NextToken: z.string().min(1).max(4096).optional(),
  FragmentSelector: z.object({ FragmentSelectorType: timestampKind, TimestampRange: range }).optional(),
});
const mediaInput = z.object({
  ...streamRef,
  Fragments: z
    .array(z.string().regex(/^[0-9]{1,128}$/))
    .min(1)
    .max(1000),
});
const clipInput = z.object({
  ...streamRef,
  ClipFragmentSelector: z.object({ FragmentSelectorType: timestampKind, TimestampRange: range }),
});

export interface ArchivedContext {
  state: State;
  access: StreamAccess;
  quotas: Quotas;
  clock: Clock;
}

/** ListFragments, GetMediaForFragmentList and GetClip (Kinesis Video Archived Media API Reference). */
export function archivedOperations({ state, access, quotas, clock }: ArchivedContext): AwsOperation[] {
  return [
    {
      name: 'ListFragments',
      method: 'POST',
      path: '/listFragments',
      handle(request) {
        const input = parseInput(listFragmentsInput, request.json());
        const stream = access.get(request.principal, 'ListFragments', input);
        quotas.take('ListFragments', stream.name);
        const { FragmentSelectorType: kind, TimestampRange: between } = input.FragmentSelector ?? {
          FragmentSelectorType: 'SERVER_TIMESTAMP',
          TimestampRange: { StartTimestamp: 0, EndTimestamp: Number.POSITIVE_INFINITY },
        };
        const after = input.NextToken === undefined ? undefined : readToken(input.NextToken);
        const all = state.media(stream).within(kind, between.StartTimestamp, between.EndTimestamp);
        const rest = after === undefined ? all : behind(all, after);
        const page = rest.slice(0, input.MaxResults);
        const last = page.at(-1);
        return {
          json: {
            Fragments: page.map(describe),
            ...(rest.length > page.length && last !== undefined
              ? { NextToken: Buffer.from(last.number).toString('base64url') }
              : {}),
          },
        };
      },
    },
    {
      name: 'GetMediaForFragmentList',
      method: 'POST',
      path: '/getMediaForFragmentList',
      async handle(request) {
        const input = parseInput(mediaInput, request.json());
        const stream = access.get(request.principal, 'GetMediaForFragmentList', input);
        quotas.take('GetMediaForFragmentList', stream.name);
        const media = state.media(stream);
        const wanted = input.Fragments.map((number) => media.find(number)).filter(
          (found) => found !== undefined,
        );
        if (wanted.length === 0) throw notFound('None of the fragments is in the stream.');
        const { response } = request.raw;
        response.writeHead(200, { 'content-type': 'video/webm' });
        for (const fragment of wanted) {
          const bytes = await media.read(fragment.number);
          if (bytes === undefined || response.destroyed) continue;
          if (!response.write(withTags(bytes, archivedTags(fragment)))) await drained(response);
        }
        response.end();
        return undefined;
      },
    },
    {
      name: 'GetClip',
      method: 'POST',
      path: '/getClip',
      async handle(request) {
        const input = parseInput(clipInput, request.json());
        const stream = access.get(request.principal, 'GetClip', input);
        quotas.take('GetClip', stream.name);
        if (stream.retentionHours === 0) throw noDataRetention();
        const { FragmentSelectorType: kind, TimestampRange: between } = input.ClipFragmentSelector;
        const { StartTimestamp: startMs, EndTimestamp: endMs } = between;
        checkRange(kind, { startMs, endMs, nowMs: clock.now() });
        const media = state.media(stream);
        const fragments = clipFragments(media, kind, startMs, endMs);
        if (fragments.length === 0) throw notFound('No fragments found in the stream for the clip request.');
        return { headers: { 'content-type': 'video/mp4' }, body: await clip(media, kind, fragments) };
      },
    },
  ];
}

function readToken(token: string): string {
  const number = Buffer.from(token, 'base64url').toString('latin1');
  if (!/^[0-9]{1,128}$/.test(number)) throw invalidArgument('NextToken is not one that ListFragments gave.');
  return number;
}

/** What follows that fragment; by number when it has expired meanwhile, so that no page comes twice. */
function behind(fragments: readonly Fragment[], number: string): readonly Fragment[] {
  const at = fragments.findIndex((fragment) => fragment.number === number);
  return at === -1
    ? fragments.filter((fragment) => compareFragmentNumbers(fragment.number, number) > 0)
    : fragments.slice(at + 1);
}

function describe(fragment: Fragment): object {
  return {
    FragmentNumber: fragment.number,
    FragmentSizeInBytes: fragment.sizeBytes,
    ProducerTimestamp: epochSeconds(fragment.producerMs),
    ServerTimestamp: epochSeconds(fragment.serverMs),
    FragmentLengthInMilliseconds: fragment.lengthMs,
  };
}

async function drained(response: {
  once(event: 'drain' | 'close', listener: () => void): unknown;
}): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}

/** Those that begin within the range (ClipTimestampRange); of equal times the newest; within the limits of a clip. */
function clipFragments(media: StreamMedia, kind: TimestampKind, startMs: number, endMs: number): Fragment[] {
  let bytes = 0;
  return withoutDuplicates(kind, media.within(kind, startMs, endMs))
    .slice(0, maxClipFragments)
    .filter((fragment) => {
      bytes += fragment.sizeBytes;
      return bytes <= maxClipBytes;
    });
}

async function clip(
  media: StreamMedia,
  kind: TimestampKind,
  fragments: readonly Fragment[],
): Promise<Buffer> {
  const tracks = new Map<number, ClipTrack>();
  for (const fragment of fragments) {
    const bytes = await media.read(fragment.number);
    if (bytes === undefined) continue;
    const parsed = parseFragment(bytes);
    for (const codec of codecsOf(parsed.tracks)) {
      const track = tracks.get(codec.trackNumber) ?? { codec, runs: [] };
      if (!track.codec.sampleEntry.equals(codec.sampleEntry))
        throw new AwsError(
          'InvalidCodecPrivateDataException',
          400,
          'The codec private data changes within the clip; ask for a range on one side of the change.',
        );
      const frames = parsed.frames.get(codec.trackNumber) ?? [];
      track.runs.push(samplesOf(codec, frames, timeOf(kind)(fragment), fragment.lengthMs));
      tracks.set(codec.trackNumber, track);
    }
  }
  if (tracks.size === 0) throw notFound('The fragments of the clip have just expired.');
  return clipFile([...tracks.values()]);
}

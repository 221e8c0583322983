import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import type { Clock } from '../../kernel/clock.ts';
import { checkRange, parseInput, type StreamAccess, streamRef, timestampSchema } from '../api.ts';
import { invalidArgument, noDataRetention, notFound } from '../errors.ts';
import { type Fragment, parseFragment } from '../fragment.ts';
import { codecsOf } from '../mp4/codec.ts';
import type { Quotas } from '../quotas.ts';
import type { State, StreamRecord } from '../state.ts';
import type { StreamMedia, TimestampKind } from '../stream-media.ts';
import type { HlsSession, HlsSessions } from './hls-session.ts';

/** LIVE wants a fragment within this time (GetHLSStreamingSessionURL, "ResourceNotFoundException"). */
const liveMs = 30_000;
/** A live window does not begin before an outage of hours. */
const liveWindowMs = 5 * 60_000;

export const timestampKind = z.enum(['PRODUCER_TIMESTAMP', 'SERVER_TIMESTAMP']);

const inputSchema = z.object({
  ...streamRef,
  PlaybackMode: z.enum(['LIVE', 'LIVE_REPLAY', 'ON_DEMAND']).default('LIVE'),
  HLSFragmentSelector: z
    .object({
      FragmentSelectorType: timestampKind.optional(),
      TimestampRange: z
        .object({ StartTimestamp: timestampSchema.optional(), EndTimestamp: timestampSchema.optional() })
        .optional(),
    })
    .optional(),
  ContainerFormat: z.enum(['FRAGMENTED_MP4', 'MPEG_TS']).default('FRAGMENTED_MP4'),
  DiscontinuityMode: z.enum(['ALWAYS', 'NEVER', 'ON_DISCONTINUITY']).optional(),
  DisplayFragmentTimestamp: z.enum(['ALWAYS', 'NEVER']).default('NEVER'),
  Expires: z.int().min(300).max(43_200).default(300),
  MaxMediaPlaylistFragmentResults: z.int().min(1).max(5000).optional(),
});
type Input = z.infer<typeof inputSchema>;

export interface HlsSessionContext {
  state: State;
  access: StreamAccess;
  quotas: Quotas;
  sessions: HlsSessions;
  clock: Clock;
  endpoint: () => string;
}

/** `POST /getHLSStreamingSessionURL` (Kinesis Video Archived Media API Reference). */
export function hlsSessionOperation(context: HlsSessionContext): AwsOperation {
  const { state, access, quotas, sessions, clock, endpoint } = context;
  return {
    name: 'GetHLSStreamingSessionURL',
    method: 'POST',
    path: '/getHLSStreamingSessionURL',
    async handle(request) {
      const input = parseInput(inputSchema, request.json());
      const stream = access.get(request.principal, 'GetHLSStreamingSessionURL', input);
      quotas.take('GetHLSStreamingSessionURL', stream.name);
      if (stream.retentionHours === 0) throw noDataRetention();
      if (input.ContainerFormat === 'MPEG_TS')
        throw invalidArgument('ContainerFormat MPEG_TS is not available here; use FRAGMENTED_MP4.');
      const settings = settingsOf(input, stream, clock.now());
      const media = state.media(stream);
      const first = firstFragment(settings, media, clock.now());
      const bytes = await media.read(first.number);
      if (bytes === undefined) throw notFound('The first fragment of the session has just expired.');
      codecsOf(parseFragment(bytes).tracks);
      const session = sessions.open({ ...settings, fromOrdinal: first.ordinal }, input.Expires);
      const url = `${endpoint()}/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=${session.token}`;
      return { json: { HLSStreamingSessionURL: url } };
    },
  };
}

type Settings = Omit<HlsSession, 'token' | 'createdMs' | 'expiresMs' | 'fromOrdinal'>;

function settingsOf(input: Input, stream: StreamRecord, nowMs: number): Settings {
  const mode = input.PlaybackMode;
  const kind: TimestampKind = input.HLSFragmentSelector?.FragmentSelectorType ?? 'SERVER_TIMESTAMP';
  return {
    streamName: stream.name,
    streamArn: stream.arn,
    mode,
    kind,
    ...rangeOf(input, nowMs),
    discontinuity: input.DiscontinuityMode ?? (kind === 'SERVER_TIMESTAMP' ? 'ALWAYS' : 'NEVER'),
    showTimestamps: input.DisplayFragmentTimestamp === 'ALWAYS',
    maxFragments: input.MaxMediaPlaylistFragmentResults ?? (mode === 'ON_DEMAND' ? 1000 : 5),
  };
}

function rangeOf(input: Input, nowMs: number): { startMs?: number; endMs?: number } {
  const { PlaybackMode: mode, HLSFragmentSelector: selector } = input;
  const range = selector?.TimestampRange;
  if (mode === 'LIVE') {
    if (range !== undefined)
      throw invalidArgument('TimestampRange must not be set when PlaybackMode is LIVE.');
    return {};
  }
  if (selector?.FragmentSelectorType === undefined || range?.StartTimestamp === undefined)
    throw invalidArgument(
      `HLSFragmentSelector needs FragmentSelectorType and TimestampRange with StartTimestamp when PlaybackMode is ${mode}.`,
    );
  const { StartTimestamp: startMs, EndTimestamp: endMs } = range;
  if (endMs === undefined) {
    if (mode === 'ON_DEMAND')
      throw invalidArgument('TimestampRange needs EndTimestamp when PlaybackMode is ON_DEMAND.');
    return { startMs };
  }
  checkRange(selector.FragmentSelectorType, { startMs, endMs, nowMs });
  return { startMs, endMs };
}

/** The fragment that a session begins with. Throws ResourceNotFoundException when there is none. */
function firstFragment(settings: Settings, media: StreamMedia, nowMs: number): Fragment {
  if (settings.mode === 'LIVE') {
    const recent = media.fragments.slice(-settings.maxFragments);
    const newest = recent.at(-1);
    if (newest === undefined || newest.serverMs + newest.lengthMs < nowMs - liveMs)
      throw notFound(
        'No fragments found in the stream for the streaming request: none within the last 30 seconds.',
      );
    return recent.find(({ serverMs }) => serverMs >= nowMs - liveWindowMs) ?? newest;
  }
  const [first] = media.within(
    settings.kind,
    settings.startMs ?? 0,
    settings.endMs ?? Number.POSITIVE_INFINITY,
  );
  if (first === undefined)
    throw notFound('No fragments found in the stream for the streaming request: none in the time range.');
  return first;
}

import type { AwsAnswer, AwsOperation, AwsRequest } from '../../kernel/aws-server.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidArgument, notFound, sessionExpired } from '../errors.ts';
import { parseFragment } from '../fragment.ts';
import { type Codec, codecsOf } from '../mp4/codec.ts';
import { initSegment, mediaSegment } from '../mp4/fragmented.ts';
import { samplesOf } from '../mp4/samples.ts';
import type { State } from '../state.ts';
import { type StreamMedia, timeOf } from '../stream-media.ts';
import type { HlsSession, HlsSessions } from './hls-session.ts';
import { Playlist } from './playlist.ts';
import { masterPlaylist, mediaPlaylist } from './playlist-text.ts';

export interface PlaybackContext {
  state: State;
  sessions: HlsSessions;
  clock: Clock;
}

const playlistType = { 'content-type': 'application/x-mpegURL', 'cache-control': 'no-cache' };
const mp4Type = { 'content-type': 'video/mp4' };

/** What players fetch. No signature: the token in the URL is the right. */
export function playbackOperations({ state, sessions, clock }: PlaybackContext): AwsOperation[] {
  const playlists = new Map<string, Playlist>();

  const playlistOf = (session: HlsSession, media: StreamMedia): Playlist => {
    let playlist = playlists.get(session.token);
    if (playlist === undefined) {
      forgetExpired(playlists, sessions);
      playlist = new Playlist(session);
      playlists.set(session.token, playlist);
    }
    playlist.update(media, clock.now());
    return playlist;
  };

  const get = (
    name: string,
    file: string,
    answer: (
      session: HlsSession,
      media: StreamMedia,
      query: URLSearchParams,
    ) => Promise<AwsAnswer> | AwsAnswer,
  ): AwsOperation => ({
    name,
    method: 'GET',
    path: `/hls/v1/${file}`,
    unsigned: true,
    // Players run on pages anywhere.
    anyOrigin: true,
    async handle({ query }: AwsRequest) {
      const session = sessions.get(query.get('SessionToken') ?? '');
      const stream = state.find(session.streamName);
      if (stream?.arn !== session.streamArn) throw sessionExpired();
      return answer(session, state.media(stream), query);
    },
  });

  return [
    get('GetHLSMasterPlaylist', 'getHLSMasterPlaylist.m3u8', async (session, media) => {
      const item = playlistOf(session, media).items.at(-1);
      const bytes = item === undefined ? undefined : await media.read(item.fragment.number);
      if (item === undefined || bytes === undefined) throw notFound('The session has no fragments any more.');
      const codecs = codecsOf(parseFragment(bytes).tracks);
      return { headers: playlistType, body: masterPlaylist(session, codecs, item.fragment) };
    }),
    get('GetHLSMediaPlaylist', 'getHLSMediaPlaylist.m3u8', (session, media, query) => ({
      headers: playlistType,
      body: mediaPlaylist(session, playlistOf(session, media), numberOf(query, 'TrackNumber')),
    })),
    get('GetMP4InitFragment', 'getMP4InitFragment.mp4', async (session, media, query) => {
      const number = playlistOf(session, media).mapFragment(numberOf(query, 'SequenceNumber'));
      const bytes = number === undefined ? undefined : await media.read(number);
      if (bytes === undefined)
        throw notFound('That initialization fragment is gone; fetch the media playlist again.');
      return { headers: mp4Type, body: initSegment(trackOf(codecsOf(parseFragment(bytes).tracks), query)) };
    }),
    get('GetMP4MediaFragment', 'getMP4MediaFragment.mp4', async (session, media, query) => {
      const fragment = media.find(query.get('FragmentNumber') ?? '');
      const bytes = fragment === undefined ? undefined : await media.read(fragment.number);
      if (fragment === undefined || bytes === undefined)
        throw notFound('That fragment is not in the stream any more.');
      const { tracks, frames } = parseFragment(bytes);
      const codec = trackOf(codecsOf(tracks), query);
      const startMs = timeOf(session.kind)(fragment);
      const run = samplesOf(codec, frames.get(codec.trackNumber) ?? [], startMs, fragment.lengthMs);
      return { headers: mp4Type, body: mediaSegment(run, fragment.ordinal + 1) };
    }),
  ];
}

function forgetExpired(playlists: Map<string, Playlist>, sessions: HlsSessions): void {
  for (const token of playlists.keys()) if (!sessions.has(token)) playlists.delete(token);
}

function trackOf(codecs: readonly Codec[], query: URLSearchParams): Codec {
  const number = numberOf(query, 'TrackNumber');
  const codec = codecs.find(({ trackNumber }) => trackNumber === number);
  if (codec === undefined) throw notFound(`The fragment has no track ${number}.`);
  return codec;
}

function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (!/^\d{1,9}$/.test(text)) throw invalidArgument(`The query parameter ${name} must be a number.`);
  return Number(text);
}

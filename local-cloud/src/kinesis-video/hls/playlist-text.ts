import type { Fragment } from '../fragment.ts';
import type { Codec } from '../mp4/codec.ts';
import { timeOf } from '../stream-media.ts';
import type { HlsSession } from './hls-session.ts';
import type { Playlist } from './playlist.ts';

/** The multivariant playlist (RFC 8216, 4.3.4): one video, audio as a rendition of its own. */
export function masterPlaylist(session: HlsSession, codecs: readonly Codec[], fragment: Fragment): string {
  const video = codecs.find(({ kind }) => kind === 'video') ?? codecs[0];
  const audio = codecs.filter((codec) => codec !== video);
  const seconds = Math.max(fragment.lengthMs, 1) / 1000;
  const attributes = [
    `CODECS="${codecs.map((codec) => codec.string).join(',')}"`,
    ...(video?.kind === 'video'
      ? [`RESOLUTION=${video.width}x${video.height}`, `FRAME-RATE=${(fragment.frames / seconds).toFixed(1)}`]
      : []),
    `BANDWIDTH=${Math.round((fragment.sizeBytes * 8) / seconds)}`,
    ...(audio.length > 0 ? ['AUDIO="audio"'] : []),
  ];
  const media = ({ trackNumber }: Codec): string =>
    `getHLSMediaPlaylist.m3u8?SessionToken=${session.token}&TrackNumber=${trackNumber}`;
  return lines([
    '#EXTM3U',
    '#EXT-X-VERSION:1',
    ...audio.map(
      (codec, i) =>
        `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio-${i + 1}",DEFAULT=${i === 0 ? 'YES' : 'NO'},AUTOSELECT=YES,URI="${media(codec)}"`,
    ),
    `#EXT-X-STREAM-INF:${attributes.join(',')}`,
    video === undefined ? '' : media(video),
  ]);
}

/** The media playlist of one track (RFC 8216, 4.3.2 and 4.3.3). */
export function mediaPlaylist(session: HlsSession, playlist: Playlist, trackNumber: number): string {
  const time = timeOf(session.kind);
  const track = `SessionToken=${session.token}&TrackNumber=${trackNumber}`;
  let mapSequence: number | undefined;
  const items = playlist.items.flatMap((item) => {
    const { fragment } = item;
    const newMap = item.mapSequence !== mapSequence;
    mapSequence = item.mapSequence;
    return [
      ...(item.discontinuity ? ['#EXT-X-DISCONTINUITY'] : []),
      ...(newMap
        ? [`#EXT-X-MAP:URI="getMP4InitFragment.mp4?${track}&SequenceNumber=${item.mapSequence}"`]
        : []),
      ...(session.showTimestamps
        ? [`#EXT-X-PROGRAM-DATE-TIME:${new Date(time(fragment)).toISOString()}`]
        : []),
      `#EXTINF:${(fragment.lengthMs / 1000).toFixed(3)},`,
      `getMP4MediaFragment.mp4?FragmentNumber=${fragment.number}&${track}`,
    ];
  });
  return lines([
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    ...(session.mode === 'ON_DEMAND' ? ['#EXT-X-PLAYLIST-TYPE:VOD'] : []),
    `#EXT-X-TARGETDURATION:${playlist.targetSeconds}`,
    `#EXT-X-MEDIA-SEQUENCE:${playlist.items[0]?.sequence ?? 1}`,
    ...(playlist.discontinuitySequence > 0
      ? [`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`]
      : []),
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...items,
    ...(playlist.ended ? ['#EXT-X-ENDLIST'] : []),
  ]);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

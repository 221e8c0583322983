/** A media playlist taken apart, for tests; refuses lines it does not know. */
export interface MediaPlaylist {
  targetSeconds: number;
  mediaSequence: number;
  discontinuitySequence: number;
  ended: boolean;
  vod: boolean;
  segments: { url: string; map: string; seconds: number; discontinuity: boolean; time?: string }[];
}

export async function fetchText(url: string | URL): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

export async function fetchBytes(url: string | URL): Promise<Buffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

/** The media playlists that a multivariant playlist names: video first, then audio renditions. */
export function mediaPlaylistUrls(masterUrl: string, master: string): string[] {
  const video = master.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const audio = [...master.matchAll(/^#EXT-X-MEDIA:.*URI="([^"]+)"/gm)].map((match) => match[1] ?? '');
  return [...video, ...audio].map((relative) => new URL(relative, masterUrl).href);
}

export async function fetchPlaylist(url: string): Promise<MediaPlaylist> {
  const playlist: MediaPlaylist = {
    targetSeconds: 0,
    mediaSequence: 0,
    discontinuitySequence: 0,
    ended: false,
    vod: false,
    segments: [],
  };
  let [map, seconds, discontinuity] = ['', 0, false];
  let time: string | undefined;
  for (const line of (await fetchText(url)).split('\n')) {
    const [tag, value] = split(line);
    if (tag === '#EXT-X-TARGETDURATION') playlist.targetSeconds = Number(value);
    else if (tag === '#EXT-X-MEDIA-SEQUENCE') playlist.mediaSequence = Number(value);
    else if (tag === '#EXT-X-DISCONTINUITY-SEQUENCE') playlist.discontinuitySequence = Number(value);
    else if (tag === '#EXT-X-PLAYLIST-TYPE') playlist.vod = value === 'VOD';
    else if (tag === '#EXT-X-ENDLIST') playlist.ended = true;
    else if (tag === '#EXT-X-MAP') map = new URL(value.slice(5, -1), url).href;
    else if (tag === '#EXT-X-DISCONTINUITY') discontinuity = true;
    else if (tag === '#EXT-X-PROGRAM-DATE-TIME') time = value;
    else if (tag === '#EXTINF') seconds = Number.parseFloat(value);
    else if (line !== '' && !line.startsWith('#')) {
      const segment = { url: new URL(line, url).href, map, seconds, discontinuity };
      playlist.segments.push(time === undefined ? segment : { ...segment, time });
      [discontinuity, time] = [false, undefined];
    } else if (!['', '#EXTM3U', '#EXT-X-VERSION', '#EXT-X-INDEPENDENT-SEGMENTS'].includes(tag))
      throw new Error(`unknown line ${line}`);
  }
  return playlist;
}

function split(line: string): [string, string] {
  const mark = line.indexOf(':');
  return mark < 0 ? [line, ''] : [line.slice(0, mark), line.slice(mark + 1)];
}

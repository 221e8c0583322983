import { box, fullBox, latin1, u8, u16, u32, u64 } from './boxes.ts';
import type { Codec } from './codec.ts';

const unityMatrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const undetermined = 0x55c4;
/** Ticks a second of the movie's own clock. */
export const movieTimescale = 1000;

export function moov(tracks: readonly Buffer[], durationMs: number, ...more: readonly Buffer[]): Buffer {
  return box(
    'moov',
    fullBox(
      'mvhd',
      1,
      0,
      u64(0),
      u64(0),
      u32(movieTimescale),
      u64(durationMs),
      u32(0x10000), // rate
      u16(0x0100, 0), // volume
      u32(0, 0),
      unityMatrix,
      Buffer.alloc(24),
      u32(tracks.length + 1),
    ),
    ...tracks,
    ...more,
  );
}

/** A trak box; `sampleTables` stand behind stsd in stbl, `before` (an edit list) before mdia. */
export function trackBox(
  codec: Codec,
  trackId: number,
  duration: number,
  sampleTables: readonly Buffer[],
  before: readonly Buffer[] = [],
): Buffer {
  const video = codec.kind === 'video';
  const durationMs = Math.round((duration * movieTimescale) / codec.timescale);
  return box(
    'trak',
    fullBox(
      'tkhd',
      1,
      3, // enabled, in the movie
      u64(0),
      u64(0),
      u32(trackId, 0),
      u64(durationMs),
      u32(0, 0),
      u16(0, 0, video ? 0 : 0x0100, 0),
      unityMatrix,
      u32(codec.width * 0x10000, codec.height * 0x10000),
    ),
    ...before,
    box(
      'mdia',
      fullBox('mdhd', 1, 0, u64(0), u64(0), u32(codec.timescale), u64(duration), u16(undetermined, 0)),
      fullBox('hdlr', 0, 0, u32(0), latin1(video ? 'vide' : 'soun'), Buffer.alloc(12), u8(0)),
      box(
        'minf',
        video ? fullBox('vmhd', 0, 1, Buffer.alloc(8)) : fullBox('smhd', 0, 0, Buffer.alloc(4)),
        box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1))),
        box('stbl', fullBox('stsd', 0, 0, u32(1), codec.sampleEntry), ...sampleTables),
      ),
    ),
  );
}

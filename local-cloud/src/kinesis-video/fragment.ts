import type { Track } from './mkv/mkv-header.ts';
import { MkvParser } from './mkv/mkv-parser.ts';

/** What is known about a stored fragment without reading its media. Times are milliseconds since the epoch. */
export interface Fragment {
  /** 47 decimal digits, growing within the stream. */
  number: string;
  /** Counts the fragments of the stream in the order they were stored, from 0. */
  ordinal: number;
  producerMs: number;
  /** When its first byte arrived. */
  serverMs: number;
  lengthMs: number;
  /** Of the media as it came, a Matroska file of one cluster. */
  sizeBytes: number;
  /** Frames of the first video track, else of the first track. */
  frames: number;
  /** Equal for fragments whose tracks a player decodes with the same initialization. */
  tracksId: string;
}

/** A fragment's media as Matroska: what stands before the cluster, and the cluster. */
export interface FragmentMedia {
  header: Buffer;
  cluster: Buffer;
}

export interface Frame {
  /** Milliseconds from the start of the fragment. */
  offsetMs: number;
  keyframe: boolean;
  data: Buffer;
}

export interface ParsedFragment {
  tracks: Track[];
  /** By track number, in stream order. */
  frames: Map<number, Frame[]>;
}

/** Takes stored media apart into frames. */
export function parseFragment(media: FragmentMedia): ParsedFragment {
  const parsed: ParsedFragment = { tracks: [], frames: new Map() };
  let msPerUnit = 1;
  const parser = new MkvParser({
    header(header) {
      parsed.tracks = header.tracks;
      msPerUnit = header.timecodeScale / 1_000_000;
      for (const track of header.tracks) parsed.frames.set(track.number, []);
    },
    block({ track, relativeTimecode, keyframe, data }) {
      parsed.frames.get(track)?.push({ offsetMs: relativeTimecode * msPerUnit, keyframe, data });
    },
    fragmentStart: () => undefined,
    fragmentEnd: () => undefined,
    tags: () => undefined,
  });
  parser.push(media.header);
  parser.push(media.cluster);
  parser.end();
  return parsed;
}

/**
 * How long frames with these times play, the last one as long as the others on average; 0 for a single frame, whose
 * length nothing tells.
 */
export function playingTimeMs(firstMs: number, lastMs: number, count: number): number {
  return count < 2 ? 0 : Math.round(((lastMs - firstMs) * count) / (count - 1));
}

import type { StreamMode } from '@aovis/contracts/http/video';
import { rangeProblem, type VideoRange } from './video-range.ts';

export interface StreamQuery {
  mode: StreamMode;
  /** ISO 8601 with offset. */
  start?: string | undefined;
  end?: string | undefined;
}

/**
 * What to play, in the service's terms. `live` plays the newest fragments; `replay` starts in the past and plays on;
 * `on_demand` is a closed range.
 */
export type Playback =
  | { mode: 'live' }
  | { mode: 'replay'; start: Date; end?: Date }
  | { mode: 'on_demand'; start: Date; end: Date };

export type PlaybackReading = { ok: true; playback: Playback } | { ok: false; problem: string };

export function readPlayback({ mode, start, end }: StreamQuery, now: Date): PlaybackReading {
  const range = { start: dateOf(start), end: dateOf(end) };
  switch (mode) {
    case 'live':
      return range.start || range.end
        ? refuse('live takes neither start nor end; use replay or on_demand')
        : { ok: true, playback: { mode } };
    case 'replay':
      if (!range.start) return refuse('replay needs start');
      return (
        refusalOf({ start: range.start, end: range.end ?? now }, now) ?? {
          ok: true,
          playback: { mode, start: range.start, ...(range.end && { end: range.end }) },
        }
      );
    case 'on_demand':
      if (!range.start || !range.end) return refuse('on_demand needs start and end');
      return (
        refusalOf({ start: range.start, end: range.end }, now) ?? {
          ok: true,
          playback: { mode, start: range.start, end: range.end },
        }
      );
  }
}

function refusalOf(range: VideoRange, now: Date): PlaybackReading | undefined {
  const problem = rangeProblem(range, now);
  return problem === undefined ? undefined : refuse(problem);
}

function refuse(problem: string): PlaybackReading {
  return { ok: false, problem };
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

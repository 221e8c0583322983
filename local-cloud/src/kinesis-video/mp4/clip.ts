import { box, fullBox, latin1, u32, u32Table, u64 } from './boxes.ts';
import type { Codec } from './codec.ts';
import { moov, movieTimescale, trackBox } from './movie.ts';
import type { Sample, SampleRun } from './samples.ts';

export interface ClipTrack {
  codec: Codec;
  /** One for each fragment, in time order. */
  runs: SampleRun[];
}

/** A whole MP4 file, index in front (GetClip). Its time begins at 0 with the earliest sample. */
export function clipFile(tracks: readonly ClipTrack[]): Buffer {
  const filled = tracks.filter(({ runs }) => runs.some(({ samples }) => samples.length > 0));
  const startSeconds = Math.min(
    ...filled.map(({ codec, runs }) => (runs[0]?.startTicks ?? 0) / codec.timescale),
  );
  const chunks = filled.map(({ runs }) =>
    runs.map(({ samples }) => Buffer.concat(samples.map(({ data }) => data))),
  );
  const ftyp = box('ftyp', latin1('isom'), u32(512), latin1('isomiso2avc1mp41'));
  const index = (mediaAt: number): Buffer => {
    let offset = mediaAt;
    const boxes = filled.map((track, i) => {
      const offsets = (chunks[i] ?? []).map((chunk) => {
        const at = offset;
        offset += chunk.length;
        return at;
      });
      return clipTrack(track, i + 1, startSeconds, offsets);
    });
    return moov(
      boxes.map(({ trak }) => trak),
      Math.max(0, ...boxes.map(({ endMs }) => endMs)),
    );
  };
  const moovLength = index(0).length;
  return Buffer.concat([ftyp, index(ftyp.length + moovLength + 8), box('mdat', ...chunks.flat())]);
}

function clipTrack(
  { codec, runs }: ClipTrack,
  trackId: number,
  startSeconds: number,
  offsets: readonly number[],
): { trak: Buffer; endMs: number } {
  const samples = withGaps(runs);
  const duration = samples.reduce((sum, sample) => sum + sample.duration, 0);
  const delayMs = Math.round(((runs[0]?.startTicks ?? 0) / codec.timescale - startSeconds) * movieTimescale);
  const durationMs = Math.round((duration * movieTimescale) / codec.timescale);
  const keyframes = samples.flatMap(({ keyframe }, i) => (keyframe ? [i + 1] : []));
  const reordered = samples.some(({ compositionOffset }) => compositionOffset !== 0);
  const tables = [
    fullBox('stts', 0, 0, runLengths(samples.map((sample) => sample.duration))),
    ...(keyframes.length === samples.length
      ? []
      : [fullBox('stss', 0, 0, u32Table([keyframes.length, ...keyframes]))]),
    ...(reordered
      ? [fullBox('ctts', 1, 0, runLengths(samples.map((sample) => sample.compositionOffset)))]
      : []),
    fullBox(
      'stsc',
      0,
      0,
      u32Table([runs.length, ...runs.flatMap((run, i) => [i + 1, run.samples.length, 1])]),
    ),
    fullBox('stsz', 0, 0, u32Table([0, samples.length, ...samples.map(({ data }) => data.length)])),
    fullBox('stco', 0, 0, u32Table([offsets.length, ...offsets])),
  ];
  // A track that begins later than the clip waits by an empty edit.
  const edits =
    delayMs > 0
      ? [
          box(
            'edts',
            fullBox(
              'elst',
              1,
              0,
              u32(2),
              u64(delayMs),
              Buffer.alloc(8, 0xff),
              u32(0x10000),
              u64(durationMs),
              u64(0),
              u32(0x10000),
            ),
          ),
        ]
      : [];
  return { trak: trackBox(codec, trackId, duration, tables, edits), endMs: delayMs + durationMs };
}

/** The last sample of a fragment lasts until the next fragment begins, so that gaps in the stream stay gaps in the clip. */
function withGaps(runs: readonly SampleRun[]): Sample[] {
  return runs.flatMap((run, i) => {
    const next = runs[i + 1];
    const samples: Sample[] = run.samples.map((sample) => ({ ...sample }));
    const last = samples.at(-1);
    if (next !== undefined && last !== undefined) {
      const before = samples.slice(0, -1).reduce((sum, sample) => sum + sample.duration, 0);
      last.duration = Math.max(1, next.startTicks - run.startTicks - before);
    }
    return samples;
  });
}

/** Entries of count and value, as stts and ctts have them. */
function runLengths(values: readonly number[]): Buffer {
  const entries: [number, number][] = [];
  for (const value of values) {
    const last = entries.at(-1);
    if (last?.[1] === value) last[0] += 1;
    else entries.push([1, value]);
  }
  return u32Table([entries.length, ...entries.flat()]);
}

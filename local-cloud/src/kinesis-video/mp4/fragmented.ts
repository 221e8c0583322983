import { box, fullBox, latin1, u32, u32Table, u64 } from './boxes.ts';
import type { Codec } from './codec.ts';
import { moov, trackBox } from './movie.ts';
import type { SampleRun } from './samples.ts';

const trackId = 1;
const keyframeFlags = 0x0200_0000;
/** Depends on others, no sync sample. */
const deltaFlags = 0x0101_0000;

/** The initialization segment of one track: ftyp and a moov without samples. */
export function initSegment(codec: Codec): Buffer {
  const noSamples = [
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  ];
  return Buffer.concat([
    box('ftyp', latin1('iso5'), u32(1), latin1('isomiso5iso6mp41')),
    moov(
      [trackBox(codec, trackId, 0, noSamples)],
      0,
      box('mvex', fullBox('trex', 0, 0, u32(trackId, 1, 0, 0, 0))),
    ),
  ]);
}

/** A media segment of one track: moof and mdat, its decoding time absolute. */
export function mediaSegment(run: SampleRun, sequence: number): Buffer {
  const { samples, startTicks } = run;
  const reordered = samples.some(({ compositionOffset }) => compositionOffset !== 0);
  const table = u32Table(
    samples.flatMap(({ data, duration, keyframe, compositionOffset }) => {
      const fields = [duration, data.length, keyframe ? keyframeFlags : deltaFlags];
      return reordered ? [...fields, compositionOffset] : fields;
    }),
  );
  const moof = (dataOffset: number): Buffer =>
    box(
      'moof',
      fullBox('mfhd', 0, 0, u32(sequence)),
      box(
        'traf',
        fullBox('tfhd', 0, 0x020000, u32(trackId)), // data offsets count from the moof
        fullBox('tfdt', 1, 0, u64(startTicks)),
        fullBox('trun', 1, 0x000701 | (reordered ? 0x000800 : 0), u32(samples.length, dataOffset), table),
      ),
    );
  const length = moof(0).length;
  return Buffer.concat([
    box('styp', latin1('msdh'), u32(0), latin1('msdhmsix')),
    moof(length + 8),
    box('mdat', ...samples.map(({ data }) => data)),
  ]);
}

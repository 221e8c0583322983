import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AccessUnit } from '../camera/access-unit.ts';
import type { AudioFormat, AudioFrame } from '../camera/audio-frame.ts';
import type { Fragment } from './fragment.ts';
import { Fragmenter, type FragmenterOptions } from './fragmenter.ts';
import { MatroskaReader } from './testing/matroska-reader.ts';
import { clipPictures } from './testing/pictures.ts';

const [idr, predicted] = clipPictures() as [AccessUnit, AccessUnit];
const start = 1_700_000_000_000;
const key = (atMs: number): AccessUnit => ({ ...idr, timestampMs: start + atMs });
const delta = (atMs: number): AccessUnit => ({ ...predicted, timestampMs: start + atMs });

function fragment(pictures: AccessUnit[], options: Partial<FragmenterOptions> = {}) {
  const fragments: Fragment[] = [];
  const fragmenter = new Fragmenter({
    randomBytes: (bytes) => Buffer.alloc(bytes),
    onFragment: (each) => fragments.push(each),
    ...options,
  });
  for (const picture of pictures) fragmenter.push(picture);
  return { fragmenter, fragments };
}

/** Absolute timecodes of the pictures in each fragment, read from its bytes. */
function timecodes(fragments: Fragment[]): number[][] {
  return fragments.map(({ chunks }) => {
    const events = new MatroskaReader().push(Buffer.concat(chunks));
    const cluster = events.find((event) => event.kind === 'cluster');
    return events.flatMap((event) =>
      event.kind === 'block' ? [(cluster?.timecodeMs ?? Number.NaN) + event.relativeMs - start] : [],
    );
  });
}

it('makes each group of pictures one fragment, whose pictures come at once', () => {
  const { fragments } = fragment([key(0), delta(500), key(1_000), delta(1_500)]);
  expect(timecodes(fragments)).toEqual([
    [0, 500],
    [1_000, 1_500],
  ]);
  expect(fragments.map(({ closed }) => closed)).toEqual([true, false]);
  expect(fragments[0]?.segment).toBe(fragments[1]?.segment);
});

it('joins groups that are shorter than a fragment may be', () => {
  const { fragments } = fragment([key(0), key(400), key(799), key(800), delta(900)]);
  expect(timecodes(fragments)).toEqual([
    [0, 400, 799],
    [800, 900],
  ]);
});

it('keeps time rising when pictures come together or in slight disorder', () => {
  const { fragments } = fragment([
    key(0),
    delta(100),
    delta(100),
    delta(90),
    key(1_000),
    key(999),
    delta(1_001),
  ]);
  expect(timecodes(fragments)).toEqual([
    [0, 100, 101, 102],
    [1_000, 1_001, 1_002],
  ]);
});

it('begins another segment when the clock is set back, and goes on when it is set forward', () => {
  const { fragments, fragmenter } = fragment([
    key(0),
    delta(100),
    delta(-90_000),
    key(-89_000),
    delta(-88_900),
    delta(500_000),
    key(501_000),
  ]);
  expect(timecodes(fragments)).toEqual([[0, 100], [-89_000, -88_900], [501_000]]);
  expect(fragments[0]?.segment).not.toBe(fragments[1]?.segment);
  expect(fragments[1]?.segment).toBe(fragments[2]?.segment);
  expect(fragmenter.leftOut).toBe(2);
});

it('begins another segment when the track changes', () => {
  const parameterSets = { sps: idr.parameterSets.sps, pps: [Buffer.from('68ce3c81', 'hex')] };
  const { fragments } = fragment([key(0), { ...key(100), parameterSets }]);
  expect(fragments).toHaveLength(2);
  expect(fragments[0]?.segment).not.toBe(fragments[1]?.segment);
});

it('keeps its segment when a capture begins anew with the same track', () => {
  const copy = (nalUnits: readonly Buffer[]): Buffer[] => nalUnits.map((nalUnit) => Buffer.from(nalUnit));
  const parameterSets = { sps: copy(idr.parameterSets.sps), pps: copy(idr.parameterSets.pps) };
  const { fragments } = fragment([key(0), { ...key(1_000), parameterSets }]);
  expect(fragments[0]?.segment).toBe(fragments[1]?.segment);
});

it('leaves B pictures out and says what to do', () => {
  const { fragments, fragmenter } = fragment([
    key(0),
    delta(100),
    { ...delta(60), bidirectional: true },
    delta(200),
  ]);
  expect(timecodes(fragments)).toEqual([[0, 100, 200]]);
  expect(fragmenter.leftOut).toBe(1);
  expect(fragmenter.problem).toContain('Switch them off in the camera');
});

it('cuts a group of pictures that is too long, waits for a keyframe and says what to do', () => {
  const pictures = [key(0), delta(5_000), delta(10_000), delta(10_001), delta(10_100)];
  const { fragments, fragmenter } = fragment(pictures);
  expect(timecodes(fragments)).toEqual([[0, 5_000, 10_000]]);
  expect(fragments[0]?.closed).toBe(true);
  expect(fragmenter.leftOut).toBe(2);
  expect(fragmenter.problem).toContain('Set its keyframe interval to 1 or 2 s.');
  fragmenter.push(key(11_000));
  expect(fragmenter.problem).toBeUndefined();
  expect(fragments).toHaveLength(2);
});

it('writes the tags of a fragment before it', () => {
  const { fragments } = fragment([key(0)], {
    tagsOf: () => [{ name: 'scene', value: 'day' }],
  });
  const events = new MatroskaReader().push(Buffer.concat(fragments[0]?.chunks ?? []));
  expect(events.slice(0, 2)).toEqual([
    { kind: 'tags', names: ['scene'] },
    { kind: 'cluster', timecodeMs: start },
  ]);
});

it.each([
  ['ahead', 3_600_000],
  ['back', -3_600_000],
])('begins anew with the next keyframe when the clock is set an hour %s, and blames nobody', (_, stepMs) => {
  const { fragmenter, fragments } = fragment([key(0), delta(100), delta(stepMs + 200), key(stepMs + 300)]);
  expect(timecodes(fragments)).toEqual([[0, 100], [stepMs + 300]]);
  expect([fragmenter.leftOut, fragmenter.problem]).toEqual([1, undefined]);
});

it('keeps the rules of the service for any pictures', () => {
  const picture = fc.record({ keyframe: fc.boolean(), stepMs: fc.integer({ min: -2_000, max: 30_000 }) });
  fc.assert(
    fc.property(fc.array(picture, { maxLength: 60 }), (steps) => {
      let at = 0;
      const pictures = steps.map(({ keyframe, stepMs }) => {
        at += stepMs;
        return keyframe ? key(at) : delta(at);
      });
      const { fragments } = fragment(pictures);
      const times = timecodes(fragments);
      let last: { segment: unknown; at: number } | undefined;
      for (const [index, each] of fragments.entries()) {
        const own = times[index] as number[];
        expect(own.length).toBeGreaterThan(0);
        if (last?.segment === each.segment) expect(own[0]).toBeGreaterThan(last?.at ?? 0);
        for (let i = 1; i < own.length; i++) expect(own[i]).toBeGreaterThan(own[i - 1] as number);
        expect((own.at(-1) as number) - (own[0] as number)).toBeLessThanOrEqual(20_000);
        last = { segment: each.segment, at: own.at(-1) as number };
      }
    }),
  );
});

describe('with sound', () => {
  const format: AudioFormat = { codecPrivate: Buffer.from('1408', 'hex'), samplingHz: 16_000, channels: 1 };
  const sound = (atMs: number, of = format): AudioFrame => ({
    data: Buffer.of(1),
    timestampMs: start + atMs,
    format: of,
  });

  /** Per fragment: whether its segment declares sound, then track and time of each block. */
  function blocksOf(events: (AccessUnit | AudioFrame)[]): [declared: boolean, ...blocks: string[]][] {
    const fragments: Fragment[] = [];
    const fragmenter = new Fragmenter({
      randomBytes: (bytes) => Buffer.alloc(bytes),
      onFragment: (each) => fragments.push(each),
    });
    for (const event of events)
      if ('nalUnits' in event) fragmenter.push(event);
      else fragmenter.pushAudio(event);
    fragmenter.close();
    return fragments.map(({ segment, chunks }) => {
      const read = new MatroskaReader().push(Buffer.concat(chunks));
      const cluster = read.find((event) => event.kind === 'cluster');
      const blocks = read.flatMap((event) =>
        event.kind === 'block'
          ? [`${event.track === 1 ? 'v' : 'a'}${(cluster?.timecodeMs ?? 0) + event.relativeMs - start}`]
          : [],
      );
      return [segment.header.includes('A_AAC'), ...blocks];
    });
  }

  it('puts both into one fragment in the order in which they come', () => {
    expect(blocksOf([sound(-64), key(0), sound(0), sound(64), delta(100), sound(128)])).toEqual([
      [true, 'v0', 'a0', 'a64', 'v100', 'a128'],
    ]);
  });

  it('begins and ends sound with a fragment, over a connection of its own', () => {
    const late = [
      key(0),
      sound(100),
      key(1_000),
      sound(1_100),
      key(2_000),
      delta(3_500),
      key(4_000),
      delta(4_500),
    ];
    expect(blocksOf(late)).toEqual([
      [false, 'v0'],
      [true, 'v1000', 'a1100'],
      // None came: a frame of silence, since the service asks for one of each track (error 4011).
      [true, 'v2000', 'v3500', 'a3500'],
      [false, 'v4000', 'v4500'],
    ]);
  });

  it('begins a fragment after all that is in the one before (error 4004)', () => {
    const blocks = blocksOf([
      sound(-64),
      key(0),
      sound(64),
      sound(1_010),
      key(1_000),
      sound(1_000),
      delta(1_100),
    ]);
    expect(blocks).toEqual([
      [true, 'v0', 'a64', 'a1010'],
      [true, 'v1011', 'a1011', 'v1100'],
    ]);
  });

  it('changes the connection when the sound changes, and leaves out what a clock has moved', () => {
    const stereo = { codecPrivate: Buffer.from('1410', 'hex'), samplingHz: 16_000, channels: 2 };
    const blocks = blocksOf([
      sound(-64),
      key(0),
      sound(9_000),
      sound(64, stereo),
      sound(100),
      sound(128, stereo),
      key(1_000),
      sound(1_064, stereo),
    ]);
    expect(blocks).toEqual([
      [true, 'v0', 'a100'],
      [true, 'v1000', 'a1064'],
    ]);
  });

  it('has sound in every fragment that declares it, and rising times, whatever comes', () => {
    const event = fc.record({
      kind: fc.constantFrom('key', 'delta', 'sound'),
      stepMs: fc.integer({ min: -80, max: 900 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        let at = 0;
        const blocks = blocksOf(
          events.map(({ kind, stepMs }) => {
            at += stepMs;
            return kind === 'sound' ? sound(at) : kind === 'key' ? key(at) : delta(at);
          }),
        );
        let latest = Number.NEGATIVE_INFINITY;
        for (const [declared, ...list] of blocks) {
          expect(list.some((block) => block.startsWith('a'))).toBe(declared);
          const times = list.map((block) => Number(block.slice(1)));
          for (const track of ['v', 'a']) {
            const own = list
              .filter((block) => block.startsWith(track))
              .map((block) => Number(block.slice(1)));
            expect(own).toEqual([...new Set(own)].sort((a, b) => a - b));
          }
          expect(Math.min(...times)).toBe(times[0]);
          expect(times[0]).toBeGreaterThan(latest);
          latest = Math.max(...times);
        }
      }),
    );
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AccessUnit } from '../camera/access-unit.ts';
import { AdtsParser } from '../camera/adts-parser.ts';
import { words } from '../camera/words.ts';
import type { Fragment } from './fragment.ts';
import { Fragmenter } from './fragmenter.ts';
import { endOfFragment } from './mkv-writer.ts';
import { clipPictures } from './testing/pictures.ts';

const directory = mkdtempSync(join(tmpdir(), 'mkv-'));
const file = join(directory, 'stream.mkv');
afterAll(() => rmSync(directory, { recursive: true }));

/** The body of one PutMedia connection that carries the whole clip, with a tag on each fragment. */
beforeAll(() => {
  const fragments: Fragment[] = [];
  const fragmenter = new Fragmenter({
    randomBytes,
    onFragment: (fragment) => fragments.push(fragment),
    tagsOf: () => [{ name: 'scene', value: 'day' }],
  });
  for (const [index, picture] of clipPictures().entries())
    fragmenter.push({ ...picture, timestampMs: 1_700_000_000_000 + (index * 1_000) / 15 });
  const header = fragments[0]?.segment.header ?? Buffer.alloc(0);
  writeFileSync(file, Buffer.concat([header, ...fragments.flatMap(({ chunks }) => chunks), endOfFragment()]));
});

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });

it('is read by mkvinfo', () => {
  const lines = run('mkvinfo', '--all', file);
  expect(lines).toContain('Document type: matroska');
  expect(lines).toContain('Codec ID: V_MPEG4/ISO/AVC');
  expect(lines.match(/Simple block: key/g)).toHaveLength(8);
  expect(lines.match(/\|\+ Cluster/g)).toHaveLength(8);
  expect(lines).toContain('AWS_KINESISVIDEO_END_OF_FRAGMENT');
});

it('is decoded by ffmpeg without a complaint', () => {
  const frames = run(
    'ffprobe',
    '-v',
    'error',
    '-count_frames',
    '-show_entries',
    'stream=codec_name,profile,width,height,nb_read_frames,start_pts',
    '-of',
    'json',
    file,
  );
  expect(JSON.parse(frames)).toMatchObject({
    streams: [
      {
        codec_name: 'h264',
        profile: 'Constrained Baseline',
        width: 1280,
        height: 720,
        nb_read_frames: '120',
        start_pts: 1_700_000_000_000,
      },
    ],
  });
  expect(run('ffmpeg', '-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-')).toBe('');
});

interface Packet {
  stream_index: number;
  pts: number;
  size: string;
  flags: string;
}

/** What ffprobe finds in a file, in the file's order. */
function packetsOf(path: string): Packet[] {
  const what = ['-show_packets', '-show_entries', 'packet=stream_index,pts,size,flags'];
  const found = run('ffprobe', '-v', 'quiet', ...what, '-of', 'json', path);
  return (JSON.parse(found) as { packets: Packet[] }).packets;
}

it('agrees with ffprobe on every picture and frame of sound, whatever their order and times', () => {
  const start = 1_700_000_000_000;
  const [idr, predicted] = clipPictures() as [AccessUnit, AccessUnit];
  const format = { codecPrivate: Buffer.from('1408', 'hex'), samplingHz: 16_000, channels: 1 };
  const event = fc.record({
    kind: fc.constantFrom('key', 'delta', 'delta', 'sound'),
    stepMs: fc.integer({ min: 0, max: 400 }),
    bytes: fc.integer({ min: 1, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 60 }), (events) => {
      const fragments: Fragment[] = [];
      const fragmenter = new Fragmenter({ randomBytes, onFragment: (each) => fragments.push(each) });
      const expected: string[] = [];
      let at = start;
      let groupAt = start;
      const picture = (each: AccessUnit, timestampMs: number): void => {
        fragmenter.push({ ...each, timestampMs });
        const bytes = each.nalUnits.reduce((sum, { length }) => sum + 4 + length, 0);
        expected.push(`0 ${timestampMs} ${bytes} ${each.keyframe ? 'K' : '_'}`);
      };
      const sound = (timestampMs: number, bytes: number): void => {
        fragmenter.pushAudio({ data: Buffer.alloc(bytes, 1), timestampMs, format });
        if (fragments.length > 0) expected.push(`1 ${timestampMs} ${bytes} K`);
      };
      // Sound comes often enough that no fragment needs silence, which ffprobe would find and the test would not expect.
      sound(at - 1, 1);
      picture(idr, at);
      sound(at + 1, 1);
      for (const { kind, stepMs, bytes } of events) {
        at += 2 + stepMs;
        if (kind === 'sound') sound(at, bytes);
        else if (kind === 'key' && at - groupAt >= 1_000) {
          groupAt = at;
          picture(idr, at);
          at += 1;
          sound(at, bytes);
        } else picture(predicted, at);
      }
      fragmenter.close();
      const header = fragments[0]?.segment.header ?? Buffer.alloc(0);
      expect(new Set(fragments.map(({ segment }) => segment)).size).toBe(1);
      const path = join(directory, 'random.mkv');
      writeFileSync(
        path,
        Buffer.concat([header, ...fragments.flatMap(({ chunks }) => chunks), endOfFragment()]),
      );
      const found = packetsOf(path).map(
        ({ stream_index, pts, size, flags }) => `${stream_index} ${pts} ${size} ${flags.charAt(0)}`,
      );
      expect(found).toEqual(expected);
    }),
    { numRuns: 25 },
  );
}, 60_000);

it('is sound that ffmpeg decodes beside the pictures', () => {
  const fragments: Fragment[] = [];
  const fragmenter = new Fragmenter({ randomBytes, onFragment: (each) => fragments.push(each) });
  const adts = execFileSync('ffmpeg', [
    ...words('-v error -f lavfi -i sine=duration=8:sample_rate=16000'),
    ...words('-c:a aac -ac 1 -f adts pipe:1'),
  ]);
  const frames = new AdtsParser().push(adts, 1_700_000_008_000);
  for (const [index, picture] of clipPictures().entries()) {
    const timestampMs = 1_700_000_000_000 + (index * 1_000) / 15;
    while (frames[0] !== undefined && frames[0].timestampMs < timestampMs) {
      fragmenter.pushAudio(frames[0]);
      frames.shift();
    }
    fragmenter.push({ ...picture, timestampMs });
  }
  // The last fragment gets none: it ends with a frame of silence.
  fragmenter.close();
  const path = join(directory, 'sound.mkv');
  const [first] = fragments;
  const segment = fragments.at(-1)?.segment;
  const connection = fragments.filter((each) => each.segment === segment);
  expect(first).toBeDefined();
  writeFileSync(
    path,
    Buffer.concat([
      segment?.header ?? Buffer.alloc(0),
      ...connection.flatMap(({ chunks }) => chunks),
      endOfFragment(),
    ]),
  );
  const streams = run('ffprobe', '-v', 'error', '-show_streams', '-of', 'json', path);
  expect(JSON.parse(streams)).toMatchObject({
    streams: [
      { codec_name: 'h264', width: 1280 },
      { codec_name: 'aac', profile: 'LC', sample_rate: '16000', channels: 1 },
    ],
  });
  expect(run('mkvinfo', path)).toContain('Codec ID: A_AAC');
  expect(run('ffmpeg', '-v', 'warning', '-xerror', '-i', path, '-f', 'null', '-')).toBe('');
});

it.each([1, 2])('has a silence for %i channels that ffmpeg decodes', (channels) => {
  const fragments: Fragment[] = [];
  const fragmenter = new Fragmenter({ randomBytes, onFragment: (each) => fragments.push(each) });
  const codecPrivate = Buffer.from(channels === 1 ? '1408' : '1410', 'hex');
  const [idr] = clipPictures() as [AccessUnit];
  const timestampMs = 1_700_000_000_000;
  fragmenter.pushAudio({
    data: Buffer.of(0),
    timestampMs: timestampMs - 64,
    format: { codecPrivate, samplingHz: 16_000, channels },
  });
  fragmenter.push({ ...idr, timestampMs });
  fragmenter.close();
  const path = join(directory, 'silence.mkv');
  const [fragment] = fragments;
  writeFileSync(
    path,
    Buffer.concat([fragment?.segment.header ?? Buffer.alloc(0), ...(fragment?.chunks ?? [])]),
  );
  expect(packetsOf(path).map(({ stream_index }) => stream_index)).toEqual([0, 1]);
  const volume = spawnSync(
    'ffmpeg',
    ['-xerror', '-i', path, '-map', '0:a', '-af', 'volumedetect', '-f', 'null', '-'],
    {
      encoding: 'utf8',
    },
  );
  expect([volume.status, volume.stderr]).toEqual([0, expect.stringMatching(/max_volume: -(inf|9\d\.\d) dB/)]);
});

import { expect, it } from '@jest/globals';
import { BufferSource, EncodedPacketSink, Input, MATROSKA } from 'mediabunny';
import type { AccessUnit } from '../camera/access-unit.ts';
import { avcConfiguration } from './avc-configuration.ts';
import { Fragmenter } from './fragmenter.ts';
import {
  audioBlock,
  clusterHeader,
  endOfFragment,
  segmentHeader,
  simpleBlock,
  tagsElement,
} from './mkv-writer.ts';
import { clipPictures } from './testing/pictures.ts';

const hex = (...parts: string[]): string => parts.join('').replaceAll(' ', '');
const ascii = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

it('writes the header of a connection', () => {
  const codecPrivate = Buffer.from('0142c01fffe1', 'hex');
  const segmentUid = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  expect(segmentHeader({ width: 1280, height: 720, codecPrivate }, segmentUid).toString('hex')).toBe(
    hex(
      // EBML: versions 1 and 1, ids of 4 bytes, lengths of 8, "matroska" 2 and 2
      '1a45dfa3 a3 428681 01 42f781 01 42f281 04 42f381 08 428288',
      ascii('matroska'),
      '428781 02 428581 02',
      // Segment of unknown size
      '18538067 ff',
      // Info: SegmentUID, TimecodeScale 1,000,000, Title, MuxingApp, WritingApp
      '1549a966 c5',
      '73a490 000102030405060708090a0b0c0d0e0f',
      '2ad7b183 0f4240',
      '7ba98c',
      ascii('AOVIS Direct'),
      '4d808b',
      ascii('aovis-agent'),
      '57418b',
      ascii('aovis-agent'),
      // Tracks: one entry, number 1, UID 1, video, name, codec, avcC, 1280×720
      '1654ae6b b8 ae b6 d781 01 73c581 01 8381 01 536e85',
      ascii('video'),
      '868f',
      ascii('V_MPEG4/ISO/AVC'),
      '63a286 0142c01fffe1',
      'e088 b082 0500 ba82 02d0',
    ),
  );
});

it('describes the sound as a second track', () => {
  const audio = { codecPrivate: Buffer.from('1408', 'hex'), samplingHz: 16_000, channels: 1 };
  const video = { width: 1280, height: 720, codecPrivate: Buffer.alloc(1) };
  const header = segmentHeader(video, Buffer.alloc(16), audio).toString('hex');
  expect(header).toMatch(
    new RegExp(
      `${hex(
        // one entry, number 2, UID 2, audio, name, codec, AudioSpecificConfig, 16 kHz as a double, one channel
        'ae ad d781 02 73c581 02 8381 02 536e85',
        ascii('audio'),
        '8685',
        ascii('A_AAC'),
        '63a282 1408',
        'e18d b588 40cf400000000000 9f81 01',
      )}$`,
    ),
  );
});

it('writes a frame of sound, which is a keyframe, to the second track', () => {
  expect(audioBlock(Buffer.from('010203', 'hex'), 64).toString('hex')).toBe(
    hex('a3 0100000000000007 82 0040 80 010203'),
  );
});

it('writes the beginning of a fragment', () => {
  expect(clusterHeader(1_600_994_737_365).toString('hex')).toBe(
    hex('1f43b675 ff e788 00000174c2b8fcd5 a781 00'),
  );
});

it('writes tags', () => {
  expect(tagsElement([{ name: 'scene', value: 'day' }]).toString('hex')).toBe(
    hex('1254c367 94 7373 91 67c8 8e', '45a385', ascii('scene'), '448783', ascii('day')),
  );
});

it('writes a picture with its length in 8 bytes and NAL units behind 4-byte lengths', () => {
  const nalUnits = [Buffer.from('67aa', 'hex'), Buffer.from('65bbcc', 'hex')];
  expect(simpleBlock(nalUnits, 33, true).toString('hex')).toBe(
    hex('a3 0100000000000011 81 0021 80 00000002 67aa 00000003 65bbcc'),
  );
  expect(simpleBlock([Buffer.from('41', 'hex')], -2, false).toString('hex')).toBe(
    hex('a3 0100000000000009 81 fffe 00 00000001 41'),
  );
});

it('writes the end of the last fragment', () => {
  const name = 'AWS_KINESISVIDEO_END_OF_FRAGMENT';
  expect(endOfFragment().toString('hex')).toBe(
    hex('1254c367 ac 7373 a9 67c8 a6 45a3 a0', ascii(name), '4487 80'),
  );
});

it('describes the bundled clip as avcC', () => {
  const [first] = clipPictures() as [AccessUnit];
  const record = avcConfiguration(first.parameterSets);
  const [sps, pps] = first.nalUnits as [Buffer, Buffer];
  const length16 = (buffer: Buffer): string => buffer.length.toString(16).padStart(4, '0');
  expect(record?.toString('hex')).toBe(
    hex(
      '01',
      sps.toString('hex', 1, 4),
      'ff e1',
      length16(sps),
      sps.toString('hex'),
      '01',
      length16(pps),
      pps.toString('hex'),
    ),
  );
});

it('adds chroma and bit depths for high profiles', () => {
  const sps = Buffer.from('67640028acd940780227e5c044000003000400000300f03c60c658', 'hex');
  const record = avcConfiguration({ sps: [sps], pps: [Buffer.from('68ebe3cb22c0', 'hex')] });
  expect(record?.subarray(-4).toString('hex')).toBe('fdf8f800');
});

it('is read by an independent Matroska reader', async () => {
  const start = 1_700_000_000_000;
  const pictures = clipPictures().slice(0, 45);
  const chunks: Buffer[] = [];
  let header = true;
  const fragments: { chunks: readonly Buffer[] }[] = [];
  const fragmenter = new Fragmenter({
    randomBytes: (bytes) => Buffer.alloc(bytes, 7),
    onFragment: (fragment) => {
      if (header) chunks.push(fragment.segment.header);
      header = false;
      fragments.push(fragment);
    },
  });
  for (const [index, picture] of pictures.entries()) {
    fragmenter.push({ ...picture, timestampMs: start + Math.round((index * 1_000) / 15) });
  }
  chunks.push(...fragments.flatMap((fragment) => fragment.chunks), endOfFragment());

  const input = new Input({ formats: [MATROSKA], source: new BufferSource(Buffer.concat(chunks)) });
  const track = await input.getPrimaryVideoTrack();
  if (track === null) throw new Error('The reader found no video track.');
  expect([track.codec, track.codedWidth, track.codedHeight]).toEqual(['avc', 1280, 720]);
  const decoder = await track.getDecoderConfig();
  expect(decoder?.codec).toBe('avc1.42c01f');
  const found = [];
  for await (const packet of new EncodedPacketSink(track).packets()) found.push(packet);
  expect(found.map(({ timestamp }) => Math.round(timestamp * 1_000))).toEqual(
    pictures.map((_, index) => start + Math.round((index * 1_000) / 15)),
  );
  expect(found.map(({ type }) => type === 'key')).toEqual(pictures.map(({ keyframe }) => keyframe));
  expect(found.map(({ byteLength }) => byteLength)).toEqual(
    pictures.map(({ nalUnits }) => nalUnits.reduce((sum, { length }) => sum + 4 + length, 0)),
  );
  input.dispose();
});

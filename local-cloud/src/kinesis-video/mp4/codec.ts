import { AwsError } from '../../kernel/aws-error.ts';
import type { Track } from '../mkv/mkv-header.ts';
import { box, fullBox, u8, u16, u32 } from './boxes.ts';

/** A track as MP4 players need it. */
export interface Codec {
  kind: 'video' | 'audio';
  trackNumber: number;
  /** For playlists (RFC 6381): `avc1.4d4029`, `mp4a.40.2`. */
  string: string;
  /** Ticks a second of the MP4 track. Video keeps Matroska's milliseconds; audio counts samples. */
  timescale: number;
  /** The entry of the stsd box. */
  sampleEntry: Buffer;
  width: number;
  height: number;
}

/** Samples of one AAC-LC frame. */
export const aacFrameSamples = 1024;

const refuse = (code: string, message: string): AwsError => new AwsError(code, 400, message);
const missingPrivateData = (track: Track): AwsError =>
  refuse('MissingCodecPrivateDataException', `Track ${track.number} has no codec private data.`);
const invalidPrivateData = (track: Track, why: string): AwsError =>
  refuse(
    'InvalidCodecPrivateDataException',
    `The codec private data of track ${track.number} is invalid: ${why}.`,
  );

/**
 * The codecs of a fragment's tracks. Playback takes H.264 or H.265 as track 1 and AAC as track 2; others are refused with
 * the exceptions of GetHLSStreamingSessionURL.
 */
export function codecsOf(tracks: readonly Track[]): Codec[] {
  return tracks.map(codecOf).sort((a, b) => a.trackNumber - b.trackNumber);
}

function codecOf(track: Track): Codec {
  switch (track.codecId) {
    case 'V_MPEG4/ISO/AVC':
    // The documents print it without the 4.
    case 'V_MPEG/ISO/AVC':
      return avc(track);
    case 'V_MPEGH/ISO/HEVC':
      return hevc(track);
    case 'A_AAC':
    case 'A_AAC/MPEG4/MAIN':
      return aac(track);
    default:
      throw refuse(
        'UnsupportedStreamMediaTypeException',
        `Track ${track.number} has the codec ${track.codecId}; playback takes V_MPEG4/ISO/AVC, V_MPEGH/ISO/HEVC and A_AAC.`,
      );
  }
}

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15, 5.3.3.1. */
function avc(track: Track): Codec {
  const avcC = track.codecPrivate;
  if (avcC === undefined || avcC.length === 0) throw missingPrivateData(track);
  if (avcC.length < 8 || avcC[0] !== 1)
    throw invalidPrivateData(track, 'it is no AVC decoder configuration record');
  if (((avcC[5] ?? 0) & 0x1f) === 0) throw invalidPrivateData(track, 'it has no sequence parameter set');
  if (((avcC[4] ?? 0) & 3) !== 3) throw invalidPrivateData(track, 'lengths of NAL units must have 4 bytes');
  return video(track, `avc1.${avcC.toString('hex', 1, 4)}`, 'avc1', box('avcC', avcC));
}

/** HEVCDecoderConfigurationRecord, ISO/IEC 14496-15, 8.3.3.1; codec string by its annex E. */
function hevc(track: Track): Codec {
  const hvcC = track.codecPrivate;
  if (hvcC === undefined || hvcC.length === 0) throw missingPrivateData(track);
  if (hvcC.length < 23 || hvcC[0] !== 1)
    throw invalidPrivateData(track, 'it is no HEVC decoder configuration record');
  const profile = hvcC[1] ?? 0;
  const space = ['', 'A', 'B', 'C'][profile >> 6] ?? '';
  const tier = (profile & 0x20) === 0 ? 'L' : 'H';
  const constraints = [...hvcC.subarray(6, 12)].map((byte) => byte.toString(16));
  while (constraints.at(-1) === '0') constraints.pop();
  const string = [
    'hvc1',
    `${space}${profile & 0x1f}`,
    reverseBits(hvcC.readUInt32BE(2)).toString(16),
    `${tier}${hvcC[12]}`,
    ...constraints,
  ].join('.');
  return video(track, string, 'hvc1', box('hvcC', hvcC));
}

function reverseBits(value: number): number {
  let reversed = 0;
  for (let i = 0; i < 32; i += 1) reversed = reversed * 2 + ((value >>> i) & 1);
  return reversed;
}

function video(track: Track, string: string, type: string, configuration: Buffer): Codec {
  const { width, height } = track.video ?? { width: 0, height: 0 };
  if (width === 0 || height === 0)
    throw invalidPrivateData(track, 'the track does not tell its width and height');
  const sampleEntry = box(
    type,
    Buffer.alloc(6),
    u16(1), // data reference
    Buffer.alloc(16),
    u16(width, height),
    u32(0x00480000, 0x00480000, 0), // 72 dpi
    u16(1), // frames a sample
    Buffer.alloc(32), // compressor name
    u16(24, 0xffff), // depth
    configuration,
  );
  return { kind: 'video', trackNumber: track.number, string, timescale: 1000, sampleEntry, width, height };
}

const samplingTable = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/** AudioSpecificConfig, ISO/IEC 14496-3, 1.6.2.1: object type, sampling frequency and channels stand in its first bytes. */
function aac(track: Track): Codec {
  const config = track.codecPrivate;
  if (config === undefined || config.length === 0) throw missingPrivateData(track);
  if (config.length < 2) throw invalidPrivateData(track, 'it is no AudioSpecificConfig');
  const objectType = (config[0] ?? 0) >> 3;
  const samplingHz = samplingTable[(config.readUInt16BE(0) >> 7) & 0xf];
  if (objectType === 0 || objectType === 31 || samplingHz === undefined)
    throw invalidPrivateData(track, 'its object type or sampling frequency is not supported');
  const channels = ((config[1] ?? 0) >> 3) & 0xf;
  const sampleEntry = box(
    'mp4a',
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(8),
    u16(channels || 2, 16, 0, 0),
    u32(Math.min(samplingHz, 0xffff) * 0x10000),
    fullBox('esds', 0, 0, elementaryStream(config)),
  );
  return {
    kind: 'audio',
    trackNumber: track.number,
    string: `mp4a.40.${objectType}`,
    timescale: samplingHz,
    sampleEntry,
    width: 0,
    height: 0,
  };
}

/** ES_Descriptor around the decoder configuration, ISO/IEC 14496-1, 7.2.6.5. */
function elementaryStream(config: Buffer): Buffer {
  const descriptor = (tag: number, ...payload: Buffer[]): Buffer => {
    const body = Buffer.concat(payload);
    return Buffer.concat([u8(tag, 0x80, 0x80, 0x80, body.length), body]);
  };
  return descriptor(
    3,
    u16(1),
    u8(0),
    // MPEG-4 audio, an audio stream; buffer size and bit rates unknown.
    descriptor(4, u8(0x40, 0x15, 0, 0, 0), u32(0, 0), descriptor(5, config)),
    descriptor(6, u8(2)),
  );
}

import type { AudioFormat } from '../camera/audio-frame.ts';
import { element, floatElement, textElement, unknownSizeElement, unsignedElement } from './ebml.ts';

/**
 * The Matroska that PutMedia takes (Kinesis Video Streams Developer Guide, "PutMedia"; RFC 9559): one Segment of
 * unknown size per connection, one Cluster of unknown size per fragment, timecodes in milliseconds since the epoch.
 */
const id = {
  ebml: 0x1a45dfa3,
  ebmlVersion: 0x4286,
  ebmlReadVersion: 0x42f7,
  ebmlMaxIdLength: 0x42f2,
  ebmlMaxSizeLength: 0x42f3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  info: 0x1549a966,
  segmentUid: 0x73a4,
  timecodeScale: 0x2ad7b1,
  title: 0x7ba9,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  trackName: 0x536e,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  tags: 0x1254c367,
  tag: 0x7373,
  simpleTag: 0x67c8,
  tagName: 0x45a3,
  tagString: 0x4487,
  cluster: 0x1f43b675,
  timecode: 0xe7,
  position: 0xa7,
  simpleBlock: 0xa3,
} as const;

const videoTrack = 1;
const audioTrack = 2;
const oneMillisecondNs = 1_000_000;
const keyframeFlag = 0x80;
const simpleBlockHeaderBytes = 13;
const nalLengthBytes = 4;
/** A block's timecode is a signed 16-bit distance from its cluster's. */
export const maxRelativeTimecodeMs = 32_767;

export interface VideoTrack {
  width: number;
  height: number;
  /** avcC record; see `avcConfiguration`. */
  codecPrivate: Buffer;
}

/** A name of at most 128 bytes and a value of at most 256, attached to one fragment (Developer Guide, "Limits"). */
export interface FragmentTag {
  name: string;
  value: string;
}

/** What begins every connection: EBML header, Segment, Info and Tracks. `segmentUid` is 16 random bytes. */
export function segmentHeader(video: VideoTrack, segmentUid: Buffer, audio?: AudioFormat): Buffer {
  const entries = [videoEntry(video), ...(audio === undefined ? [] : [audioEntry(audio)])];
  return Buffer.concat([
    ebmlHeader(),
    unknownSizeElement(id.segment),
    info(segmentUid),
    element(id.tracks, ...entries),
  ]);
}

function ebmlHeader(): Buffer {
  return element(
    id.ebml,
    unsignedElement(id.ebmlVersion, 1),
    unsignedElement(id.ebmlReadVersion, 1),
    unsignedElement(id.ebmlMaxIdLength, 4),
    unsignedElement(id.ebmlMaxSizeLength, 8),
    textElement(id.docType, 'matroska'),
    unsignedElement(id.docTypeVersion, 2),
    unsignedElement(id.docTypeReadVersion, 2),
  );
}

function info(segmentUid: Buffer): Buffer {
  return element(
    id.info,
    element(id.segmentUid, segmentUid),
    unsignedElement(id.timecodeScale, oneMillisecondNs),
    textElement(id.title, 'AOVIS Direct'),
    textElement(id.muxingApp, 'aovis-agent'),
    textElement(id.writingApp, 'aovis-agent'),
  );
}

function videoEntry({ width, height, codecPrivate }: VideoTrack): Buffer {
  return element(
    id.trackEntry,
    unsignedElement(id.trackNumber, videoTrack),
    unsignedElement(id.trackUid, videoTrack),
    unsignedElement(id.trackType, 1),
    textElement(id.trackName, 'video'),
    textElement(id.codecId, 'V_MPEG4/ISO/AVC'),
    element(id.codecPrivate, codecPrivate),
    element(id.video, unsignedElement(id.pixelWidth, width), unsignedElement(id.pixelHeight, height)),
  );
}

function audioEntry({ samplingHz, channels, codecPrivate }: AudioFormat): Buffer {
  return element(
    id.trackEntry,
    unsignedElement(id.trackNumber, audioTrack),
    unsignedElement(id.trackUid, audioTrack),
    unsignedElement(id.trackType, 2),
    textElement(id.trackName, 'audio'),
    textElement(id.codecId, 'A_AAC'),
    element(id.codecPrivate, codecPrivate),
    element(id.audio, floatElement(id.samplingFrequency, samplingHz), unsignedElement(id.channels, channels)),
  );
}

/** Begins a fragment. */
export function clusterHeader(timecodeMs: number): Buffer {
  return Buffer.concat([
    unknownSizeElement(id.cluster),
    unsignedElement(id.timecode, timecodeMs, 8),
    unsignedElement(id.position, 0),
  ]);
}

/** Closes the last fragment at once, where otherwise only the next Cluster would. */
export function endOfFragment(): Buffer {
  return tagsElement([{ name: 'AWS_KINESISVIDEO_END_OF_FRAGMENT', value: '' }]);
}

/** At most 10 tags; they stand before the Cluster they belong to. */
export function tagsElement(list: readonly FragmentTag[]): Buffer {
  return element(
    id.tags,
    element(
      id.tag,
      ...list.map(({ name, value }) =>
        element(id.simpleTag, textElement(id.tagName, name), textElement(id.tagString, value)),
      ),
    ),
  );
}

/** One picture, in a single buffer: its length in 8 bytes as the reference producer writes it, NAL units with 4. */
export function simpleBlock(nalUnits: readonly Buffer[], relativeMs: number, keyframe: boolean): Buffer {
  const payloadBytes = nalUnits.reduce((sum, nalUnit) => sum + nalLengthBytes + nalUnit.length, 0);
  const block = blockOf(videoTrack, relativeMs, keyframe ? keyframeFlag : 0, payloadBytes);
  let offset = simpleBlockHeaderBytes;
  for (const nalUnit of nalUnits) {
    offset = block.writeUInt32BE(nalUnit.length, offset);
    offset += nalUnit.copy(block, offset);
  }
  return block;
}

/** One frame of AAC, without an ADTS header. */
export function audioBlock(data: Buffer, relativeMs: number): Buffer {
  const block = blockOf(audioTrack, relativeMs, keyframeFlag, data.length);
  data.copy(block, simpleBlockHeaderBytes);
  return block;
}

/** A SimpleBlock whose payload is still to be written. */
function blockOf(track: number, relativeMs: number, flags: number, payloadBytes: number): Buffer {
  const block = Buffer.allocUnsafe(simpleBlockHeaderBytes + payloadBytes);
  block[0] = id.simpleBlock;
  block[1] = 0x01;
  block.writeUIntBE(0, 2, 1);
  block.writeUIntBE(simpleBlockHeaderBytes - 9 + payloadBytes, 3, 6);
  block[9] = 0x80 | track;
  block.writeInt16BE(relativeMs, 10);
  block[12] = flags;
  return block;
}

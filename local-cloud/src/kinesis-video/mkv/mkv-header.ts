import {
  element,
  elementHeader,
  id,
  readElements,
  readFloat,
  readString,
  readUint,
  text,
  uint,
} from './ebml.ts';
import { IngestError } from './ingest-error.ts';

export interface Track {
  number: number;
  type: 'video' | 'audio' | 'other';
  codecId: string;
  /** avcC of H.264, AudioSpecificConfig of AAC. */
  codecPrivate?: Buffer;
  video?: { width: number; height: number };
  audio?: { samplingHz: number; channels: number };
}

/** What stands before the first cluster. */
export interface MkvHeader {
  tracks: Track[];
  /** Nanoseconds in one unit of a timecode; 1 000 000 where timecodes are milliseconds. */
  timecodeScale: number;
  /** EBML head, the opened Segment, Info and Tracks as bytes: put before any cluster they make it a file. */
  bytes: Buffer;
}

export interface MkvTag {
  name: string;
  value: string;
}

const maxTracks = 3;

/** Checks the EBML head (RFC 8794, section 11.2): a Matroska document with ids and sizes that we can read. */
export function checkEbmlHead(payload: Buffer): void {
  for (const { id: elementId, payload: value } of readElements(payload)) {
    if (elementId === id.docType && readString(value) !== 'matroska')
      throw new IngestError(
        4006,
        `the document type is ${JSON.stringify(readString(value))}, not "matroska"`,
      );
    if (elementId === id.ebmlMaxIdLength && readUint(value) > 4)
      throw new IngestError(4006, 'element ids may be at most 4 bytes long');
    if (elementId === id.ebmlMaxSizeLength && readUint(value) > 8)
      throw new IngestError(4006, 'element sizes may be at most 8 bytes long');
  }
}

export function readTimecodeScale(info: Buffer): number {
  const scale = readElements(info).find((child) => child.id === id.timecodeScale);
  const value = scale === undefined ? 1_000_000 : readUint(scale.payload);
  if (value === 0) throw new IngestError(4006, 'the timecode scale is 0');
  return value;
}

export function readTracks(payload: Buffer): Track[] {
  const tracks = readElements(payload)
    .filter((child) => child.id === id.trackEntry)
    .map((child) => readTrack(child.payload));
  if (tracks.length === 0) throw new IngestError(4006, 'the Tracks element has no track');
  if (tracks.length > maxTracks)
    throw new IngestError(4012, `${tracks.length} tracks, at most ${maxTracks} allowed`);
  if (new Set(tracks.map((track) => track.number)).size !== tracks.length)
    throw new IngestError(4006, 'two tracks have the same number');
  return tracks;
}

function readTrack(payload: Buffer): Track {
  const children = new Map(readElements(payload).map((child) => [child.id, child.payload]));
  const [number, type, codecId] = [id.trackNumber, id.trackType, id.codecId].map((name) =>
    children.get(name),
  );
  if (number === undefined || type === undefined || codecId === undefined)
    throw new IngestError(4006, 'a track has no number, type or codec id');
  const track: Track = {
    number: readUint(number),
    type: ({ 1: 'video', 2: 'audio' } as const)[readUint(type)] ?? 'other',
    codecId: readString(codecId),
  };
  if (track.number < 1 || track.number > 127)
    throw new IngestError(4006, 'a track number is not within 1 to 127');
  const codecPrivate = children.get(id.codecPrivate);
  if (codecPrivate !== undefined) track.codecPrivate = Buffer.from(codecPrivate);
  const video = children.get(id.video);
  if (video !== undefined) {
    const members = new Map(readElements(video).map((child) => [child.id, child.payload]));
    const read = (name: number): number => readUint(members.get(name) ?? Buffer.alloc(0));
    track.video = { width: read(id.pixelWidth), height: read(id.pixelHeight) };
  }
  const audio = children.get(id.audio);
  if (audio !== undefined) {
    const members = new Map(readElements(audio).map((child) => [child.id, child.payload]));
    const channels = members.get(id.channels);
    track.audio = {
      samplingHz: readFloat(members.get(id.samplingFrequency) ?? Buffer.alloc(0)) || 8000,
      channels: channels === undefined ? 1 : readUint(channels),
    };
  }
  return track;
}

/** The tags of a Tags element in their order; only string values count. */
export function readTags(payload: Buffer): MkvTag[] {
  return readElements(payload)
    .filter((child) => child.id === id.tag)
    .flatMap((tag) => readElements(tag.payload))
    .filter((child) => child.id === id.simpleTag)
    .map((simple) => {
      const children = new Map(readElements(simple.payload).map((child) => [child.id, child.payload]));
      const [name, value] = [children.get(id.tagName), children.get(id.tagString)];
      if (name === undefined) throw new IngestError(4006, 'a tag has no name');
      return { name: readString(name), value: value === undefined ? '' : readString(value) };
    });
}

/** A Tags element as the service itself writes them: one Tag with a SimpleTag for each. */
export function writeTags(tags: readonly MkvTag[]): Buffer {
  const simple = tags.map(({ name, value }) =>
    element(id.simpleTag, text(id.tagName, name), text(id.tagString, value)),
  );
  return element(id.tags, element(id.tag, ...simple));
}

/** A cluster of known size around blocks that come with their own element headers. */
export function writeCluster(timecode: number, blocks: readonly Buffer[]): Buffer {
  return element(id.cluster, uint(id.timecode, timecode), ...blocks);
}

export function writeHeader(ebmlHead: Buffer, info: Buffer, tracks: Buffer): Buffer {
  return Buffer.concat([
    element(id.ebml, ebmlHead),
    elementHeader(id.segment),
    element(id.info, info),
    element(id.tracks, tracks),
  ]);
}

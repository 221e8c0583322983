import { ByteQueue } from './byte-queue.ts';
import { EbmlError, id, readElements, readId, readSize, readUint, vintLength } from './ebml.ts';
import { IngestError } from './ingest-error.ts';
import {
  checkEbmlHead,
  type MkvHeader,
  type MkvTag,
  readTags,
  readTimecodeScale,
  readTracks,
  writeHeader,
} from './mkv-header.ts';

export interface MkvBlock {
  track: number;
  /** Against the cluster's timecode, in units of the timecode scale. */
  relativeTimecode: number;
  keyframe: boolean;
  data: Buffer;
  /** The whole SimpleBlock or BlockGroup with its element header. */
  element: Buffer;
}

/** Told of each thing as soon as its last byte is there, in the order of the stream. */
export interface MkvListener {
  /** Tracks are known; once, before any fragment. */
  header(header: MkvHeader): void;
  /** A cluster has begun; its timecode in units of the timecode scale. */
  fragmentStart(timecode: number): void;
  block(block: MkvBlock): void;
  /** The cluster is complete: the next one, tags or the end of the body has come. */
  fragmentEnd(): void;
  tags(tags: MkvTag[]): void;
}

/** Info, Tracks and Tags are read whole; none has a reason to be larger. */
const maxMasterBytes = 1024 * 1024;
/** A fragment may have 50 MB (Kinesis Video Streams quotas, "PutMedia"), so no block may have more. */
export const maxFragmentBytes = 50 * 1024 * 1024;

const levelOne: ReadonlySet<number> = new Set([
  id.seekHead,
  id.info,
  id.tracks,
  id.tags,
  id.cluster,
  id.cues,
]);
const skipped: ReadonlySet<number> = new Set([
  id.void,
  id.crc32,
  id.seekHead,
  id.cues,
  id.position,
  id.prevSize,
  id.silentTracks,
]);
const inCluster: ReadonlySet<number> = new Set([
  id.timecode,
  id.position,
  id.prevSize,
  id.silentTracks,
  id.simpleBlock,
  id.blockGroup,
  id.void,
  id.crc32,
]);

interface Head {
  id: number;
  /** Of the payload; undefined when unknown. */
  size: number | undefined;
  /** Of id and size. */
  length: number;
}

/**
 * Incremental reader of the Matroska profile that PutMedia takes: one EBML head, one Segment with Tracks before the first
 * cluster, Segment and clusters of known or unknown size, no lacing. Anything else throws IngestError, nothing else does.
 * Memory is bounded by the largest single element (50 MB).
 */
export class MkvParser {
  readonly #listener: MkvListener;
  readonly #queue = new ByteQueue();
  /** Bytes of the stream that have left the queue. */
  #offset = 0;
  #toSkip = 0;
  #ebmlHead: Buffer | undefined;
  #info: Buffer = Buffer.alloc(0);
  #tracks: Buffer | undefined;
  #segment: { end: number } | undefined;
  #cluster: { end: number; timecode: number | undefined } | undefined;

  constructor(listener: MkvListener) {
    this.#listener = listener;
  }

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#guard(() => {
      while (this.#step());
    });
  }

  /** The body has ended. Throws when it ends in the middle of an element. */
  end(): void {
    this.#guard(() => {
      if (this.#queue.length > 0 || this.#toSkip > 0)
        throw new IngestError(4006, 'the body ends in the middle of an element');
      const open = [this.#cluster, this.#segment].find((master) => master !== undefined);
      if (open !== undefined && open.end !== Number.POSITIVE_INFINITY && open.end > this.#offset)
        throw new IngestError(4006, 'the body ends before its element does');
      this.#closeCluster();
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw error instanceof EbmlError ? new IngestError(4006, error.message) : error;
    }
  }

  /** Does one element, or as much of it as is there; false when more bytes are needed. */
  #step(): boolean {
    if (this.#toSkip > 0) {
      const length = Math.min(this.#toSkip, this.#queue.length);
      this.#consume(length);
      this.#toSkip -= length;
      return length > 0;
    }
    if (this.#cluster !== undefined && this.#offset >= this.#cluster.end) this.#closeCluster();
    const head = this.#peekHead();
    if (head === undefined) return false;
    this.#checkFits(head);
    if (this.#segment === undefined) return this.#atTop(head);
    if (this.#offset >= this.#segment.end) throw new IngestError(4006, 'something follows the Segment');
    if (this.#cluster !== undefined) {
      if (inCluster.has(head.id)) return this.#inCluster(head, this.#cluster);
      if (this.#cluster.end !== Number.POSITIVE_INFINITY) throw unexpected(head.id, 'a cluster');
      if (levelOne.has(head.id)) this.#closeCluster();
    }
    return this.#inSegment(head);
  }

  #atTop(head: Head): boolean {
    if (head.id === id.void && this.#ebmlHead !== undefined) return this.#skip(head);
    if (this.#ebmlHead === undefined) {
      if (head.id !== id.ebml) throw new IngestError(4006, 'the body does not begin with an EBML head');
      return this.#whole(head, maxMasterBytes, (payload) => {
        checkEbmlHead(payload);
        this.#ebmlHead = payload;
      });
    }
    if (head.id !== id.segment) throw unexpected(head.id, 'the document');
    this.#consume(head.length);
    this.#segment = { end: this.#endOf(head.size) };
    return true;
  }

  #inSegment(head: Head): boolean {
    switch (head.id) {
      case id.info:
        return this.#whole(head, maxMasterBytes, (payload) => {
          this.#info = payload;
        });
      case id.tracks:
        return this.#whole(head, maxMasterBytes, (payload) => this.#readTracks(payload));
      case id.tags:
        return this.#whole(head, maxMasterBytes, (payload) => this.#listener.tags(readTags(payload)));
      case id.cluster:
        if (this.#tracks === undefined) throw new IngestError(4006, 'a cluster comes before the tracks');
        this.#consume(head.length);
        this.#cluster = { end: this.#endOf(head.size), timecode: undefined };
        return true;
      default:
        if (!skipped.has(head.id)) throw unexpected(head.id, 'the Segment');
        return this.#skip(head);
    }
  }

  #readTracks(payload: Buffer): void {
    if (this.#tracks !== undefined) {
      if (!this.#tracks.equals(payload)) throw new IngestError(4006, 'the tracks change within the Segment');
      return;
    }
    this.#tracks = payload;
    this.#listener.header({
      tracks: readTracks(payload),
      timecodeScale: readTimecodeScale(this.#info),
      bytes: writeHeader(this.#ebmlHead ?? Buffer.alloc(0), this.#info, payload),
    });
  }

  #inCluster(head: Head, cluster: { timecode: number | undefined }): boolean {
    switch (head.id) {
      case id.timecode:
        return this.#whole(head, 8, (payload) => {
          if (cluster.timecode !== undefined) throw new IngestError(4006, 'a cluster has two timecodes');
          cluster.timecode = readUint(payload);
          this.#listener.fragmentStart(cluster.timecode);
        });
      case id.simpleBlock:
      case id.blockGroup:
        if (cluster.timecode === undefined)
          throw new IngestError(4006, 'a block comes before the timecode of its cluster');
        return this.#block(head);
      default:
        return this.#skip(head);
    }
  }

  #block(head: Head): boolean {
    const size = this.#knownSize(head);
    if (size > maxFragmentBytes) throw new IngestError(4001, 'a block is larger than a fragment may be');
    if (this.#queue.length < head.length + size) return false;
    const element = this.#queue.take(head.length + size);
    this.#offset += element.length;
    const payload = element.subarray(head.length);
    this.#listener.block(
      head.id === id.simpleBlock ? readSimpleBlock(payload, element) : readBlockGroup(payload, element),
    );
    return true;
  }

  #closeCluster(): void {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    if (cluster === undefined) return;
    if (cluster.timecode === undefined) throw new IngestError(4006, 'a cluster has no timecode');
    this.#listener.fragmentEnd();
  }

  #peekHead(): Head | undefined {
    const queue = this.#queue;
    if (queue.length === 0) return undefined;
    const idLength = vintLength(queue.byteAt(0));
    if (idLength > 4) throw new IngestError(4006, 'an element id is longer than 4 bytes');
    if (queue.length <= idLength) return undefined;
    const sizeLength = vintLength(queue.byteAt(idLength));
    if (sizeLength > 8) throw new IngestError(4006, 'an element size is longer than 8 bytes');
    const length = idLength + sizeLength;
    if (queue.length < length) return undefined;
    const bytes = queue.peek(length);
    return { id: readId(bytes, 0, idLength), size: readSize(bytes, idLength, sizeLength), length };
  }

  #checkFits(head: Head): void {
    const parent = this.#cluster ?? this.#segment;
    if (parent === undefined || parent.end === Number.POSITIVE_INFINITY || this.#offset >= parent.end) return;
    if (this.#offset + head.length + (head.size ?? 0) > parent.end)
      throw new IngestError(4006, 'an element is longer than its parent');
  }

  #whole(head: Head, limit: number, use: (payload: Buffer) => void): boolean {
    const size = this.#knownSize(head);
    if (size > limit)
      throw new IngestError(4006, `element ${head.id.toString(16)} is larger than ${limit} bytes`);
    if (this.#queue.length < head.length + size) return false;
    this.#consume(head.length);
    const payload = this.#queue.take(size);
    this.#offset += size;
    use(payload);
    return true;
  }

  #skip(head: Head): boolean {
    this.#toSkip = this.#knownSize(head);
    this.#consume(head.length);
    return true;
  }

  #knownSize(head: Head): number {
    if (head.size === undefined)
      throw new IngestError(4006, `element ${head.id.toString(16)} must have a known size`);
    return head.size;
  }

  #endOf(size: number | undefined): number {
    return size === undefined ? Number.POSITIVE_INFINITY : this.#offset + size;
  }

  #consume(length: number): void {
    this.#queue.skip(length);
    this.#offset += length;
  }
}

function unexpected(elementId: number, parent: string): IngestError {
  return new IngestError(4006, `element ${elementId.toString(16)} is not allowed in ${parent}`);
}

function readSimpleBlock(payload: Buffer, element: Buffer): MkvBlock {
  const block = readBlock(payload, element);
  block.keyframe = ((payload[3] ?? 0) & 0x80) !== 0;
  return block;
}

/** A Block is a key frame when its group refers to no other (RFC 9559, section 10.2). */
function readBlockGroup(payload: Buffer, element: Buffer): MkvBlock {
  const children = readElements(payload);
  const inner = children.find((child) => child.id === id.block);
  if (inner === undefined) throw new IngestError(4006, 'a BlockGroup has no Block');
  const block = readBlock(inner.payload, element);
  block.keyframe = !children.some((child) => child.id === id.referenceBlock);
  return block;
}

function readBlock(payload: Buffer, element: Buffer): MkvBlock {
  if (payload.length < 4) throw new IngestError(4006, 'a block is too short');
  const first = payload[0] ?? 0;
  if (first < 0x81) throw new IngestError(4006, 'the track number of a block is not within 1 to 127');
  if (((payload[3] ?? 0) & 0x06) !== 0) throw new IngestError(4006, 'a block uses lacing');
  return {
    track: first & 0x7f,
    relativeTimecode: payload.readInt16BE(1),
    keyframe: false,
    data: payload.subarray(4),
    element,
  };
}

import { createHash } from 'node:crypto';
import { type FragmentMedia, playingTimeMs } from '../fragment.ts';
import { IngestError } from '../mkv/ingest-error.ts';
import { type MkvHeader, type MkvTag, type Track, writeCluster, writeTags } from '../mkv/mkv-header.ts';
import { type MkvBlock, type MkvListener, maxFragmentBytes } from '../mkv/mkv-parser.ts';

/** A fragment that is coming in. Times are milliseconds. */
export interface IncomingFragment {
  number: string;
  /** As the producer wrote it: against its start in relative mode. Goes into the acknowledgements. */
  timecode: number;
  producerMs: number;
  serverMs: number;
}

export interface ReceivedFragment extends IncomingFragment {
  lengthMs: number;
  frames: number;
  tracksId: string;
  media: FragmentMedia;
}

export interface AssemblerOptions {
  /** Epoch milliseconds at which the producer started, for relative timecodes; undefined for absolute ones. */
  relativeToMs: number | undefined;
  now(): number;
  takeNumber(serverMs: number): string;
  /** The first bytes of a fragment are there. */
  onStart(fragment: IncomingFragment): void;
  /** The whole fragment is there and keeps the rules. */
  onReceived(fragment: ReceivedFragment): void;
}

/** Quotas of PutMedia (Kinesis Video Streams quotas). */
const maxFragmentMs = 20_000;
const maxTagsPerFragment = 10;
const maxTagNameBytes = 128;
const maxTagValueBytes = 256;
/** Of a first fragment with a single frame, whose length nothing tells. */
const singleFrameMs = 1_000;
/** No producer's clock is honestly further ahead than this. */
const maxFutureMs = 24 * 3_600_000;

const endOfFragment = 'AWS_KINESISVIDEO_END_OF_FRAGMENT';
/** Names that begin with AWS are the service's, but for those a producer asks something with. */
const reservedTags: ReadonlySet<string> = new Set([
  endOfFragment,
  'AWS_KINESISVIDEO_IMAGE_GENERATION',
  'AWS_KINESISVIDEO_IMAGE_PREFIX',
  'AWS_KINESISVIDEO_NOTIFICATION',
]);

interface OpenFragment extends IncomingFragment {
  blocks: Buffer[];
  bytes: number;
  /** Times of each track's frames against the fragment's start. */
  times: Map<number, { first: number; last: number; count: number }>;
  tags: MkvTag[];
}

/** Makes fragments of what the parser tells, and holds them to the rules of PutMedia. Throws IngestError. */
export class FragmentAssembler implements MkvListener {
  readonly #options: AssemblerOptions;
  #header: MkvHeader | undefined;
  #tracksId = '';
  #msPerUnit = 1;
  #fragment: OpenFragment | undefined;
  /** Tags stand before the cluster they belong to. */
  #pendingTags: MkvTag[] = [];
  /** The latest frame of the fragments so far, in producer time. */
  #latestMs = Number.NEGATIVE_INFINITY;
  #previousStartMs: number | undefined;

  constructor(options: AssemblerOptions) {
    this.#options = options;
  }

  /** The fragment that has begun and is not complete. */
  get open(): IncomingFragment | undefined {
    return this.#fragment;
  }

  header(header: MkvHeader): void {
    this.#header = header;
    this.#tracksId = identify(header.tracks);
    this.#msPerUnit = header.timecodeScale / 1_000_000;
  }

  fragmentStart(units: number): void {
    const timecode = units * this.#msPerUnit;
    const serverMs = this.#options.now();
    const producerMs = (this.#options.relativeToMs ?? 0) + timecode;
    const fragment: OpenFragment = {
      number: this.#options.takeNumber(serverMs),
      timecode,
      producerMs,
      serverMs,
      blocks: [],
      bytes: 0,
      times: new Map(),
      tags: this.#pendingTags,
    };
    this.#pendingTags = [];
    this.#fragment = fragment;
    if (producerMs > serverMs + maxFutureMs)
      throw new IngestError(
        4007,
        `the producer time ${new Date(Math.min(producerMs, 8.64e15)).toISOString()} lies in the future`,
      );
    if (producerMs < this.#latestMs)
      throw new IngestError(4004, 'the fragment begins before the last frame of the fragment before it');
    this.#options.onStart(fragment);
  }

  block(block: MkvBlock): void {
    const fragment = this.#fragment;
    if (fragment === undefined) return;
    if (this.#header?.tracks.some((track) => track.number === block.track) !== true)
      throw new IngestError(4010, `track ${block.track} is not among the tracks of the header`);
    fragment.bytes += block.element.length;
    if (fragment.bytes > maxFragmentBytes) throw new IngestError(4001, 'the fragment is larger than 50 MB');
    fragment.blocks.push(block.element);
    this.#addTime(fragment, block.track, block.relativeTimecode * this.#msPerUnit);
  }

  tags(tags: MkvTag[]): void {
    for (const { name, value } of tags) {
      if (name.startsWith('AWS') && !reservedTags.has(name))
        throw new IngestError(4006, `tag names that begin with AWS are reserved: ${name.slice(0, 64)}`);
      if (Buffer.byteLength(name) > maxTagNameBytes || Buffer.byteLength(value) > maxTagValueBytes)
        throw new IngestError(4009, 'a tag name is longer than 128 bytes or its value longer than 256');
    }
    this.#pendingTags.push(...tags.filter(({ name }) => name !== endOfFragment));
    if (this.#pendingTags.length > maxTagsPerFragment)
      throw new IngestError(4009, `a fragment has more than ${maxTagsPerFragment} tags`);
  }

  fragmentEnd(): void {
    const { open, header } = { open: this.#fragment, header: this.#header };
    if (open === undefined || header === undefined) return;
    const missing = header.tracks.find((track) => !open.times.has(track.number));
    if (missing !== undefined)
      throw new IngestError(4011, `the fragment has no frame of track ${missing.number}`);
    this.#fragment = undefined;
    const lasts = [...open.times.values()].map(({ last }) => last);
    this.#latestMs = open.producerMs + Math.max(...lasts);
    const main = header.tracks.find(({ type }) => type === 'video') ?? header.tracks[0];
    const times = open.times.get(main?.number ?? 0) ?? { first: 0, last: 0, count: 0 };
    const tags = open.tags.length === 0 ? [] : [writeTags(open.tags)];
    const received: ReceivedFragment = {
      number: open.number,
      timecode: open.timecode,
      producerMs: open.producerMs,
      serverMs: open.serverMs,
      lengthMs:
        playingTimeMs(times.first, times.last, times.count) || this.#sinceLastFragment(open.producerMs),
      frames: times.count,
      tracksId: this.#tracksId,
      media: {
        header: Buffer.concat([header.bytes, ...tags]),
        cluster: writeCluster(Math.round(open.timecode / this.#msPerUnit), open.blocks),
      },
    };
    this.#previousStartMs = open.producerMs;
    this.#options.onReceived(received);
  }

  /** The length of a fragment of one frame: as long as the one before it took. */
  #sinceLastFragment(producerMs: number): number {
    return this.#previousStartMs === undefined
      ? singleFrameMs
      : Math.min(producerMs - this.#previousStartMs, maxFragmentMs);
  }

  #addTime(fragment: OpenFragment, track: number, offsetMs: number): void {
    if (fragment.producerMs + offsetMs <= this.#latestMs)
      throw new IngestError(4004, 'a frame lies before the last frame of the fragment before it');
    const times = fragment.times.get(track) ?? { first: offsetMs, last: offsetMs, count: 0 };
    times.first = Math.min(times.first, offsetMs);
    times.last = Math.max(times.last, offsetMs);
    times.count += 1;
    fragment.times.set(track, times);
    const earliest = Math.min(...[...fragment.times.values()].map(({ first }) => first));
    if (times.last - earliest > maxFragmentMs)
      throw new IngestError(4002, `the fragment lasts longer than ${maxFragmentMs / 1000} s`);
  }
}

function identify(tracks: readonly Track[]): string {
  const told = tracks.map(({ number, codecId, codecPrivate, video, audio }) => [
    number,
    codecId,
    codecPrivate?.toString('hex'),
    video,
    audio,
  ]);
  return createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 16);
}

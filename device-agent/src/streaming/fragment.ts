/** The Matroska segment that fragments belong to: those of one can travel over one connection. */
export interface Segment {
  /** Begins a connection: EBML, Segment, Info, Tracks. */
  readonly header: Buffer;
}

/**
 * Where a fragment is on its way: `held` in case an event makes it wanted, `waiting` to be sent, `sending` (begun),
 * `sent` as a whole, `received` as a whole by the service. One that was persisted or refused leaves the buffer.
 */
export type FragmentState = 'held' | 'waiting' | 'sending' | 'sent' | 'received';

/** A fragment on the disk: its bytes come back with `load`. */
export interface StoredFragment {
  segment: Segment;
  timecodeMs: number;
  lastTimecodeMs: number;
  bytes: number;
  /** Name of its file. */
  file: string;
}

/** One fragment in the bytes that go over the wire, kept until the service has persisted it. */
export class Fragment {
  readonly segment: Segment;
  /** Timecode of its first picture, milliseconds since the epoch: what acknowledgements name it by. */
  readonly timecodeMs: number;
  state: FragmentState = 'waiting';
  /** It was sent as a whole over a connection that was lost: the service may have stored it. */
  doubtful = false;
  /** How often the service answered it with an error that may pass. */
  failures = 0;
  /** Name of the file that holds all of it; undefined while it is in memory only. */
  file: string | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #lastTimecodeMs: number;
  #closed = false;
  #resident = true;
  #tagged = false;

  constructor(segment: Segment, timecodeMs: number) {
    this.segment = segment;
    this.timecodeMs = timecodeMs;
    this.#lastTimecodeMs = timecodeMs;
  }

  /** What an earlier run, or this one, has put on the disk. */
  static stored({ segment, timecodeMs, lastTimecodeMs, bytes, file }: StoredFragment): Fragment {
    const fragment = new Fragment(segment, timecodeMs);
    fragment.#lastTimecodeMs = lastTimecodeMs;
    fragment.#bytes = bytes;
    fragment.#closed = true;
    fragment.file = file;
    fragment.#resident = false;
    return fragment;
  }

  /** Wire bytes so far, a picture each; the first one begins with the Cluster. Empty while they are not in memory. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** On the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Its bytes are in memory. */
  get resident(): boolean {
    return this.#resident;
  }

  /** The latest timecode in it so far. */
  get lastTimecodeMs(): number {
    return this.#lastTimecodeMs;
  }

  /** From its first to its last picture so far. */
  get durationMs(): number {
    return this.#lastTimecodeMs - this.timecodeMs;
  }

  /** No more pictures come. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Its bytes were given up for want of room: it cannot be sent again. */
  get released(): boolean {
    return !this.#resident && this.file === undefined;
  }

  append(chunk: Buffer, timecodeMs: number): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#lastTimecodeMs = Math.max(this.#lastTimecodeMs, timecodeMs);
  }

  /** Puts its tags before it, once and before anything of it is sent. */
  tag(tags: Buffer): void {
    const [first] = this.#chunks;
    if (this.#tagged || first === undefined) return;
    this.#tagged = true;
    this.#chunks[0] = Buffer.concat([tags, first]);
    this.#bytes += tags.length;
  }

  close(): void {
    this.#closed = true;
  }

  /** Leaves memory; what is on the disk too can come back. */
  unload(): void {
    this.#chunks = [];
    this.#resident = false;
  }

  /** Comes back from the disk. */
  load(body: Buffer): void {
    this.#chunks = [body];
    this.#resident = true;
  }

  /** Given up. */
  release(): void {
    this.file = undefined;
    this.unload();
  }
}

/** Longest NAL unit taken; a 4K intra picture at the highest sensible rate stays far below. */
const maxNalBytes = 8 * 1024 * 1024;
const startCode = Buffer.from([0, 0, 1]);

/** One NAL unit, and when its start code came in. */
export interface TimedNalUnit {
  nalUnit: Buffer;
  timestampMs: number;
}

/**
 * Splits an H.264 byte stream (ITU-T H.264 annex B) into NAL units, in chunks of any size. A NAL unit is known to
 * have ended when the next start code, of 3 or 4 bytes, is seen. What comes before the first start code is dropped.
 */
export class AnnexBSplitter {
  readonly #maxNalBytes: number;
  /** Bytes from the current NAL unit on; only the first `#length` count. */
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #length = 0;
  /** Where the search for the next start code goes on. */
  #scanned = 0;
  #started = false;
  #startedAtMs = 0;

  constructor(options: { maxNalBytes?: number } = {}) {
    this.#maxNalBytes = options.maxNalBytes ?? maxNalBytes;
  }

  /** Takes the next bytes, received at `timestampMs`, and gives the NAL units they complete. */
  push(chunk: Uint8Array, timestampMs: number): TimedNalUnit[] {
    this.#append(chunk);
    const nalUnits: TimedNalUnit[] = [];
    const bytes = this.#buffer.subarray(0, this.#length);
    let begin = 0;
    for (
      let code = bytes.indexOf(startCode, this.#scanned);
      code !== -1;
      code = bytes.indexOf(startCode, begin)
    ) {
      if (this.#started) this.#emit(begin, code, nalUnits);
      this.#started = true;
      this.#startedAtMs = timestampMs;
      begin = code + startCode.length;
    }
    // Without a start code so far, only the last two bytes can be the beginning of one.
    if (!this.#started) begin = Math.max(0, this.#length - 2);
    this.#discard(begin);
    this.#scanned = Math.max(0, this.#length - 2);
    return nalUnits;
  }

  /** The stream has ended: gives the last NAL unit and starts anew. */
  flush(): TimedNalUnit[] {
    const nalUnits: TimedNalUnit[] = [];
    if (this.#started) this.#emit(0, this.#length, nalUnits);
    this.#started = false;
    this.#length = 0;
    this.#scanned = 0;
    return nalUnits;
  }

  /** Zero bytes before a start code belong to it or pad the stream: a NAL unit never ends with one (7.4.1). */
  #emit(begin: number, end: number, into: TimedNalUnit[]): void {
    let last = end;
    while (last > begin && this.#buffer[last - 1] === 0) last--;
    if (last === begin) return;
    const nalUnit = Buffer.allocUnsafe(last - begin);
    this.#buffer.copy(nalUnit, 0, begin, last);
    into.push({ nalUnit, timestampMs: this.#startedAtMs });
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) this.#grow(needed);
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  #grow(needed: number): void {
    if (this.#length > this.#maxNalBytes)
      throw new Error(
        `The H.264 stream has ${this.#length} bytes without a start code; the camera does not deliver Annex B.`,
      );
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #discard(bytes: number): void {
    if (bytes === 0) return;
    this.#buffer.copy(this.#buffer, 0, bytes, this.#length);
    this.#length -= bytes;
  }
}

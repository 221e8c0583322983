/**
 * Bytes that have arrived and are not yet used, in one growing buffer: a sender of one-byte chunks costs no more
 * memory than one of large chunks.
 */
export class ByteQueue {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The first `length` bytes, valid until the next call. */
  peek(length: number): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + length);
  }

  byteAt(index: number): number {
    return this.#buffer[this.#start + index] ?? 0;
  }

  /** A copy of the first `length` bytes, which leave the queue. */
  take(length: number): Buffer {
    const taken = Buffer.from(this.peek(length));
    this.skip(length);
    return taken;
  }

  skip(length: number): void {
    this.#start += length;
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
  }

  #makeRoom(length: number): void {
    const needed = this.length + length;
    const capacity = this.#buffer.length;
    // Grown for one large element, the buffer shrinks again behind it.
    const wanted =
      needed > capacity ? Math.max(needed, capacity * 2) : needed < capacity / 8 ? capacity / 2 : capacity;
    const target = wanted === capacity ? this.#buffer : Buffer.allocUnsafe(wanted);
    this.#buffer.copy(target, 0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = target;
  }
}

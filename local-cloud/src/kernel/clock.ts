/** The stand-in's clock. Tests and the admin surface may shift it; nothing else reads the time. */
export class Clock {
  #offsetMs = 0;

  /** Milliseconds since the Unix epoch. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** AWS answers most times as epoch seconds with milliseconds behind the point. */
  nowSeconds(): number {
    return this.now() / 1000;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  shift(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }
}

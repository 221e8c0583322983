const windowMs = 10_000;

/** Bits a second over the last 10 s, from a counter of bytes read now and then. */
export class RateMeter {
  #samples: { atMs: number; bytes: number }[] = [];

  /** `bytes` counts up; `atMs` is monotonic. */
  sample(atMs: number, bytes: number): void {
    this.#samples.push({ atMs, bytes });
    this.#samples = this.#samples.filter((sample) => sample.atMs >= atMs - windowMs);
  }

  get bitsPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return Math.round(((last.bytes - first.bytes) * 8_000) / (last.atMs - first.atMs));
  }

  reset(): void {
    this.#samples = [];
  }
}

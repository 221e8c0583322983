const windowFrames = 60;

/** Frames a second over the last pictures, for cameras that do not say it. */
export class FrameRateMeter {
  readonly #timestamps: number[] = [];

  add(timestampMs: number): void {
    this.#timestamps.push(timestampMs);
    if (this.#timestamps.length > windowFrames) this.#timestamps.shift();
  }

  /** Undefined before the second picture. */
  get fps(): number | undefined {
    const [first] = this.#timestamps;
    const last = this.#timestamps.at(-1);
    if (first === undefined || last === undefined || last <= first) return undefined;
    return ((this.#timestamps.length - 1) * 1_000) / (last - first);
  }
}

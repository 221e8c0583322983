/** A process's resident memory over time, MiB; samples are evenly spaced. */
export class MemorySeries {
  readonly #samples: number[] = [];

  add(mib: number): void {
    this.#samples.push(mib);
  }

  get peak(): number {
    return Math.max(...this.#samples);
  }

  /**
   * By how much the median of the last third lies above that of the middle third, MiB: what a leak would show. The first
   * third is left out: buffers find their size and code is read then.
   */
  get growth(): number {
    return median(this.#third(2)) - median(this.#third(1));
  }

  /** The median of the middle third and of the last. */
  get levels(): { middle: number; last: number } {
    return { middle: median(this.#third(1)), last: median(this.#third(2)) };
  }

  /** One character for each stretch of time, from the lowest to the highest of the run. */
  draw(width = 60): string {
    const bars = '▁▂▃▄▅▆▇█';
    const low = Math.min(...this.#samples);
    const range = Math.max(this.peak - low, 1);
    const count = Math.min(width, this.#samples.length);
    return Array.from({ length: count }, (_, index) => {
      const from = Math.floor((index * this.#samples.length) / count);
      const to = Math.max(from + 1, Math.floor(((index + 1) * this.#samples.length) / count));
      const level = (median(this.#samples.slice(from, to)) - low) / range;
      return bars.charAt(Math.round(level * (bars.length - 1)));
    }).join('');
  }

  #third(index: number): number[] {
    const { length } = this.#samples;
    return this.#samples.slice(Math.floor((index * length) / 3), Math.floor(((index + 1) * length) / 3));
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('The run was too short to measure memory.');
  return middle;
}

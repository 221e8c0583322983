/** Of the stretches of time that a slope is drawn through. */
const slopePoints = 60;

/** A process's resident memory over time, MiB; samples are evenly spaced. */
export class MemorySeries {
  readonly #everySeconds: number;
  readonly #samples: number[] = [];

  constructor(everySeconds: number) {
    this.#everySeconds = everySeconds;
  }

  add(mib: number): void {
    this.#samples.push(mib);
  }

  get peak(): number {
    return Math.max(...this.#samples);
  }

  /**
   * How fast it grows over the last two thirds, MiB an hour: what a leak would show. The first third is left out: buffers
   * find their size and code is read then. The median of the slopes between any two points (Theil-Sen), each the median
   * of a stretch of time: a queue that an outage filled for a while does not bend it.
   */
  get slope(): number {
    const samples = this.#samples.slice(Math.floor(this.#samples.length / 3));
    const points = stretches(samples, slopePoints);
    const hours = (samples.length * this.#everySeconds) / 3_600 / points.length;
    const slopes = points.flatMap((from, i) =>
      points.slice(i + 1).map((to, distance) => (to - from) / ((distance + 1) * hours)),
    );
    return median(slopes);
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
    return stretches(this.#samples, width)
      .map((level) => bars.charAt(Math.round(((level - low) / range) * (bars.length - 1))))
      .join('');
  }

  #third(index: number): number[] {
    const { length } = this.#samples;
    return this.#samples.slice(Math.floor((index * length) / 3), Math.floor(((index + 1) * length) / 3));
  }
}

/** The median of each of so many stretches of time; of each sample when there are fewer. */
function stretches(samples: readonly number[], most: number): number[] {
  const count = Math.min(most, samples.length);
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * samples.length) / count);
    const to = Math.max(from + 1, Math.floor(((index + 1) * samples.length) / count));
    return median(samples.slice(from, to));
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('The run was too short to measure memory.');
  return middle;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessUnit } from '../../camera/access-unit.ts';
import { AccessUnitParser } from '../../camera/access-unit-parser.ts';

/** The bundled clip. Tests run from the root of the repository. */
export const clipPath = join(process.cwd(), 'device-agent/assets/clip.h264');
export const clipFps = 15;

/** Its 120 pictures, 8 groups of 15. */
export function clipPictures(): AccessUnit[] {
  const parser = new AccessUnitParser();
  return [...parser.push(readFileSync(clipPath), 0), ...parser.flush()];
}

/** A camera that delivers when the test says so. */
export class ManualCamera {
  problem: string | undefined;
  readonly #listeners = new Set<(accessUnit: AccessUnit) => void>();
  readonly #pictures = clipPictures();
  #next = 0;
  #timestampMs: number;
  readonly #intervalMs: number;

  constructor(startMs: number, intervalMs = 1_000 / clipFps) {
    this.#timestampMs = startMs;
    this.#intervalMs = intervalMs;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  subscribe(listener: (accessUnit: AccessUnit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Delivers the next picture of the clip. */
  deliver(change: Partial<AccessUnit> = {}): AccessUnit {
    const picture = this.#pictures[this.#next++ % this.#pictures.length] as AccessUnit;
    const accessUnit = { ...picture, timestampMs: Math.round(this.#timestampMs), ...change };
    this.#timestampMs += this.#intervalMs;
    for (const listener of this.#listeners) listener(accessUnit);
    return accessUnit;
  }

  /** A group of pictures, 15 of them; gives the timecode of its first. */
  deliverGroup(): number {
    const first = this.deliver();
    for (let i = 1; i < clipFps; i++) this.deliver();
    return first.timestampMs;
  }
}

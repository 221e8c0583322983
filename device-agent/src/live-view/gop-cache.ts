import type { AccessUnit } from '../camera/access-unit.ts';
import type { Clock } from '../host/clock.ts';

/** More is not worth being sent to somebody who joins: the next keyframe comes sooner. */
const maxBytes = 3 * 1024 * 1024;
const maxPictures = 600;
/** The camera rested meanwhile: what it saw before is not live. */
const staleAfterMs = 3_000;

/**
 * The pictures from the latest keyframe on: with them a viewer who joins, or who lost a picture, sees something at once,
 * whatever the camera's keyframe interval is. The bytes are those the stream to the cloud holds anyway.
 */
export class GopCache {
  #pictures: AccessUnit[] = [];
  #bytes = 0;
  #pushedAt = 0;
  readonly #clock: Pick<Clock, 'monotonic'>;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  push(accessUnit: AccessUnit): void {
    this.#pushedAt = this.#clock.monotonic();
    if (accessUnit.keyframe) this.clear();
    // Without the keyframe before it a picture is of no use.
    else if (this.#pictures.length === 0) return;
    this.#pictures.push(accessUnit);
    this.#bytes += accessUnit.nalUnits.reduce((sum, { length }) => sum + length, 0);
    if (this.#bytes > maxBytes || this.#pictures.length > maxPictures) this.clear();
  }

  /** In decoding order, a keyframe first; empty when there is none. */
  get pictures(): readonly AccessUnit[] {
    if (this.#clock.monotonic() - this.#pushedAt > staleAfterMs) this.clear();
    return this.#pictures;
  }

  clear(): void {
    this.#pictures = [];
    this.#bytes = 0;
  }
}

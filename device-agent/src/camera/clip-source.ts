import { createReadStream } from 'node:fs';
import type { Clock } from '../host/clock.ts';
import type { AccessUnit } from './access-unit.ts';
import { AccessUnitParser } from './access-unit-parser.ts';
import type { CameraSource } from './camera-source.ts';
import { sleep } from './sleep.ts';
import { findPictureFormat } from './sps.ts';

/** What a clip without timing information is played at. */
const defaultFps = 30;
/** Further behind than this (the board slept, the clock was set), time starts anew instead of being caught up. */
const maxLagMs = 1_000;

export interface ClipSourceOptions {
  name: string;
  /** A file of H.264 in Annex B, without B pictures. */
  path: string;
  clock: Clock;
  /** Default: begins anew at the end, for ever. */
  repeat?: boolean;
}

/** Plays an H.264 file in real time, without any program. Its timestamps go on when the file begins anew. */
export class ClipSource implements CameraSource {
  readonly name: string;
  readonly #options: ClipSourceOptions;
  #skipToKeyframe = false;

  constructor(options: ClipSourceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async capture(signal: AbortSignal, onAccessUnit: (accessUnit: AccessUnit) => void): Promise<void> {
    const { clock } = this.#options;
    let origin = { monotonicMs: clock.monotonic(), epochMs: clock.now() };
    let offsetMs = 0;
    for await (const accessUnit of this.#accessUnits(signal)) {
      const aheadMs = origin.monotonicMs + offsetMs - clock.monotonic();
      if (aheadMs > 0) await sleep(clock, aheadMs, signal);
      if (signal.aborted) return;
      const driftMs = clock.now() - (origin.epochMs + offsetMs);
      if (Math.abs(driftMs) > maxLagMs) {
        origin = { monotonicMs: clock.monotonic(), epochMs: clock.now() };
        offsetMs = 0;
      }
      onAccessUnit({ ...accessUnit, timestampMs: Math.round(origin.epochMs + offsetMs) });
      offsetMs += 1_000 / fpsOf(accessUnit);
    }
  }

  /** Jumps to the next keyframe of the clip. */
  requestKeyframe(): void {
    this.#skipToKeyframe = true;
  }

  async *#accessUnits(signal: AbortSignal): AsyncGenerator<AccessUnit> {
    do {
      let any = false;
      for await (const accessUnit of readAccessUnits(this.#options.path, signal)) {
        any = true;
        if (this.#skipToKeyframe && !accessUnit.keyframe) continue;
        this.#skipToKeyframe = false;
        yield accessUnit;
      }
      if (!any && !signal.aborted)
        throw new Error(
          `${this.#options.path} holds no H.264 picture in Annex B with its parameter sets (SPS, PPS) and a keyframe; make it with ffmpeg … -c:v libx264 -bf 0 -f h264.`,
        );
    } while ((this.#options.repeat ?? true) && !signal.aborted);
  }
}

/** The pictures of an Annex B file, in order, read as they are asked for; timestamps are 0. */
export async function* readAccessUnits(path: string, signal?: AbortSignal): AsyncGenerator<AccessUnit> {
  const parser = new AccessUnitParser();
  const file = createReadStream(path, { highWaterMark: 64 * 1024 });
  try {
    for await (const chunk of file) {
      if (signal?.aborted) return;
      yield* parser.push(chunk as Buffer, 0);
    }
    yield* parser.flush();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`The clip ${path} is not there; check the camera source.`, { cause: error });
  } finally {
    file.destroy();
  }
}

const fpsBySets = new WeakMap<AccessUnit['parameterSets'], number>();

function fpsOf({ parameterSets }: AccessUnit): number {
  let fps = fpsBySets.get(parameterSets);
  if (fps === undefined) {
    fps = findPictureFormat(parameterSets)?.fps ?? defaultFps;
    fpsBySets.set(parameterSets, fps);
  }
  return fps;
}

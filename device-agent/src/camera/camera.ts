import { Backoff } from '../host/backoff.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { Part, PartHealth } from '../part.ts';
import type { AccessUnit } from './access-unit.ts';
import type { AudioFrame } from './audio-frame.ts';
import type { CameraSource } from './camera-source.ts';
import { FrameRateMeter } from './frame-rate-meter.ts';
import { sleep } from './sleep.ts';
import { findPictureFormat, type PictureFormat } from './sps.ts';

/** Longest wait before a capture that keeps failing is tried again. */
const maxRestartDelayMs = 30_000;
/** A capture that ran for so long was a good one: the next failure starts with a short wait again. */
const stableMs = 30_000;

export interface CameraOptions {
  source: CameraSource;
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** A capture that delivers no picture for so long is started anew. Default 10 s: cameras may take 5 s to open. */
  noFrameTimeoutMs?: number;
}

/** What the shadow reports about the camera. */
export interface CameraDescription {
  source: string;
  width: number;
  height: number;
  fps: number;
  codec: 'h264';
}

export type AccessUnitListener = (accessUnit: AccessUnit) => void;
export type AudioListener = (frame: AudioFrame) => void;

/**
 * The camera as a part of the agent: captures while anybody listens, hands each picture to all who do, and starts a
 * capture anew when it ends, fails or falls silent.
 */
export class Camera implements Part {
  readonly name = 'camera';
  readonly #options: CameraOptions;
  readonly #listeners = new Set<AccessUnitListener>();
  readonly #observers = new Set<AccessUnitListener>();
  readonly #audioListeners = new Set<AudioListener>();
  readonly #meter = new FrameRateMeter();
  readonly #backoff: Backoff;
  #source: CameraSource;
  #started = false;
  #running: { controller: AbortController; done: Promise<void> } | undefined;
  #format: { sets: AccessUnit['parameterSets']; picture: PictureFormat } | undefined;
  #lastFrameAt: number | undefined;
  #lastError: string | undefined;

  constructor(options: CameraOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#backoff = new Backoff({ baseMs: 500, capMs: maxRestartDelayMs, random: options.random });
  }

  start(signal: AbortSignal): Promise<void> {
    if (this.#started || signal.aborted) return Promise.resolve();
    this.#started = true;
    this.#captureIfWanted();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#started = false;
    await this.#endCapture();
  }

  /** Calls `listener` with every picture from now on, in order; the answer ends that. */
  subscribe(listener: AccessUnitListener): () => void {
    this.#listeners.add(listener);
    this.#captureIfWanted();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) void this.#endCapture();
    };
  }

  /** As `subscribe`, but the camera does not run on its account: it sees what others make it deliver. */
  observe(listener: AccessUnitListener): () => void {
    this.#observers.add(listener);
    return () => {
      this.#observers.delete(listener);
    };
  }

  /** Calls `listener` with every frame of sound, where the source has any, while the camera runs for its pictures. */
  observeAudio(listener: AudioListener): () => void {
    this.#audioListeners.add(listener);
    return () => {
      this.#audioListeners.delete(listener);
    };
  }

  /** Changes to another source, or to the same with other settings. */
  async use(source: CameraSource): Promise<void> {
    this.#source = source;
    this.#backoff.reset();
    await this.#endCapture();
  }

  /** False where the source cannot make a keyframe at will: the next one comes with its own interval. */
  requestKeyframe(): boolean {
    if (this.#source.requestKeyframe === undefined) return false;
    this.#source.requestKeyframe();
    return true;
  }

  /** Undefined before the first picture. */
  description(): CameraDescription | undefined {
    const picture = this.#format?.picture;
    if (picture === undefined) return undefined;
    const fps = picture.fps ?? this.#meter.fps ?? 0;
    return {
      source: this.#source.name,
      width: picture.width,
      height: picture.height,
      fps: Math.round(fps * 100) / 100,
      codec: 'h264',
    };
  }

  /** Why no pictures come, and what to do; undefined while nothing is known to be wrong. */
  get problem(): string | undefined {
    return this.#lastError;
  }

  health(): PartHealth {
    if (!this.#started) return { ok: true, detail: 'The camera is off.' };
    if (this.#running === undefined) return { ok: true, detail: 'Nobody needs pictures: the camera rests.' };
    if (this.#lastError !== undefined) return { ok: false, detail: this.#lastError };
    const since =
      this.#lastFrameAt === undefined ? undefined : this.#options.clock.monotonic() - this.#lastFrameAt;
    return since === undefined
      ? { ok: true, detail: `Waiting for the first picture of ${this.#source.name}.` }
      : {
          ok: since < this.#noFrameTimeoutMs,
          detail: `${this.#source.name}: last picture ${Math.round(since)} ms ago.`,
        };
  }

  get #noFrameTimeoutMs(): number {
    return this.#options.noFrameTimeoutMs ?? 10_000;
  }

  #captureIfWanted(): void {
    if (!this.#started || this.#running !== undefined || this.#listeners.size === 0) return;
    const controller = new AbortController();
    const done = this.#captureForEver(controller.signal);
    this.#running = { controller, done };
  }

  async #endCapture(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.controller.abort();
    await running.done;
    if (this.#running !== running) return;
    this.#running = undefined;
    // Somebody may have begun to listen while the old capture was ending.
    this.#captureIfWanted();
  }

  async #captureForEver(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      const delivered = await this.#captureOnce(signal);
      if (signal.aborted) return;
      if (clock.monotonic() - startedAt >= stableMs) this.#backoff.reset();
      // A file that has been played to its end is simply played again.
      if (delivered && this.#lastError === undefined) continue;
      const delayMs = this.#backoff.next();
      logger.warn(
        { source: this.#source.name, delayMs },
        `${this.#lastError ?? 'The capture ended.'} The capture starts anew.`,
      );
      await sleep(clock, delayMs, signal);
    }
  }

  /** One run of the source. True when it delivered pictures. */
  async #captureOnce(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#lastFrameAt = undefined;
    let aliveAt = clock.monotonic();
    let silent = false;
    let cancelWatchdog = (): void => {};
    const watch = (ms: number): void => {
      cancelWatchdog = clock.after(ms, () => {
        const leftMs = aliveAt + this.#noFrameTimeoutMs - clock.monotonic();
        if (leftMs > 0) return watch(leftMs);
        silent = true;
        abort();
      });
    };
    watch(this.#noFrameTimeoutMs);
    try {
      await this.#source.capture(
        attempt.signal,
        (accessUnit) => {
          aliveAt = clock.monotonic();
          this.#deliver(accessUnit, aliveAt);
        },
        (frame) => {
          for (const listener of this.#audioListeners) listener(frame);
        },
      );
      this.#lastError = this.#reasonOfEnd(silent);
    } catch (error) {
      this.#lastError = (error as Error).message;
    } finally {
      cancelWatchdog();
      signal.removeEventListener('abort', abort);
    }
    return this.#lastFrameAt !== undefined;
  }

  #reasonOfEnd(silent: boolean): string | undefined {
    if (silent)
      return `The camera source ${this.#source.name} delivered no picture for ${this.#noFrameTimeoutMs / 1_000} s; check the camera and its cable or network, and that its H.264 repeats SPS and PPS before keyframes.`;
    return this.#lastFrameAt === undefined
      ? `The camera source ${this.#source.name} ended without a picture; check that it delivers H.264 with SPS, PPS and keyframes.`
      : undefined;
  }

  #deliver(accessUnit: AccessUnit, now: number): void {
    this.#lastFrameAt = now;
    this.#lastError = undefined;
    this.#meter.add(accessUnit.timestampMs);
    if (this.#format?.sets !== accessUnit.parameterSets) this.#readFormat(accessUnit.parameterSets);
    for (const listener of [...this.#observers, ...this.#listeners]) listener(accessUnit);
  }

  #readFormat(sets: AccessUnit['parameterSets']): void {
    const picture = findPictureFormat(sets);
    if (picture !== undefined) this.#format = { sets, picture };
  }
}

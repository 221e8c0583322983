import type { streamStates } from '@aovis/contracts/shadow';
import type { AccessUnit } from '../camera/access-unit.ts';
import type { AudioFrame } from '../camera/audio-frame.ts';
import type { CredentialSource } from '../credentials/credential-source.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { Part, PartHealth } from '../part.ts';
import type { UplinkSample } from './bitrate-controller.ts';
import { DataEndpointClient } from './data-endpoint-client.ts';
import { EventWindow, type RecordedEvent } from './event-window.ts';
import type { Fragment } from './fragment.ts';
import { FragmentBuffer, type FragmentBufferLimits } from './fragment-buffer.ts';
import { FragmentDisk, type FragmentDiskOptions } from './fragment-disk.ts';
import { FragmentSpool } from './fragment-spool.ts';
import { Fragmenter } from './fragmenter.ts';
import { tagsElement } from './mkv-writer.ts';
import { openPutMedia } from './put-media-connection.ts';
import { RateMeter } from './rate-meter.ts';
import { findStoredFragments } from './stored-fragments.ts';
import { UploadLoop } from './upload-loop.ts';

/** `on_event` sends from some seconds before an event until some after it; see `trigger`. */
export type StreamMode = 'continuous' | 'on_event' | 'off';
export type StreamState = (typeof streamStates)[number];

export interface StreamStatus {
  state: StreamState;
  /** What went out over the last 10 s. */
  bitrate_bps: number;
  /** Length of the last complete fragment; 0 before the first. */
  fragment_ms: number;
  /** When the service last confirmed a fragment, milliseconds since the epoch. */
  last_persisted_at?: number;
  /** Fragments that the service will never have: no room in the buffer, or refused. */
  dropped_fragments: number;
  bufferedFragments: number;
  bufferedBytes: number;
  /** How much of that is on the disk too, or there alone. */
  diskBytes: number;
  /** What is wrong at the moment, and what to do. */
  lastError?: string;
}

/** What delivers pictures; `Camera` does. */
export interface PictureFeed {
  /** Why no pictures come, and what to do. */
  readonly problem?: string | undefined;
  subscribe(listener: (accessUnit: AccessUnit) => void): () => void;
  /** Sound, if there is any; it comes while somebody subscribes to the pictures. */
  observeAudio?(listener: (frame: AudioFrame) => void): () => void;
}

export interface StreamUploaderOptions {
  camera: PictureFeed;
  credentials: CredentialSource;
  streamName: string;
  region: string;
  /** Control plane of Kinesis Video Streams; see `kinesisVideoEndpoint`. */
  endpoint: URL;
  userAgent: string;
  /** Authorities trusted for https, PEM; default Node's own. */
  ca?: string | Buffer;
  clock: Clock;
  logger: Logger;
  random: () => number;
  randomBytes: (bytes: number) => Buffer;
  /** Called when `state` or `lastError` changes. */
  onChange?: (status: StreamStatus) => void;
  /** Called once a second while the stream is wanted. */
  onSample?: (sample: UplinkSample) => void;
  mode?: StreamMode;
  limits?: Partial<FragmentBufferLimits>;
  /** Where video waits that memory has no room for, or that a restart must not lose; without it there is memory alone. */
  disk?: Omit<FragmentDiskOptions, 'logger'>;
  minFragmentMs?: number;
}

/** Enough for 90 s of 2 Mb/s: with it the agent stays small, and a minute without network costs nothing. */
export const defaultBufferLimits: FragmentBufferLimits = {
  maxBytes: 24 * 1024 * 1024,
  maxDurationMs: 120_000,
};
/** Where there is a disk for what waits longer than some seconds. */
const maxBytesBesideDisk = 12 * 1024 * 1024;
const housekeepingMs = 1_000;
const preRollMs = 10_000;
const postRollMs = 30_000;
const stopTimeoutMs = 8_000;
/** So long after the last loss the stream counts as degraded. */
const degradedForMs = 30_000;
/** So much video that is not persisted is more than the ordinary one or two fragments. */
const behindAfterMs = 10_000;
/** No picture for so long: the fragment ends as it is. */
const cameraSilenceMs = 5_000;

/** What is said beside the state, where nothing is wrong. */
const paces: Readonly<Record<StreamState, string>> = {
  off: 'No pictures are wanted.',
  starting: 'No fragment has been stored since the start of the agent.',
  streaming: 'Fragments are stored as they come.',
  degraded: 'Fragments are stored, but some were lost within the last half minute.',
  waiting: 'There is no connection to the video service just now; the next attempt follows.',
  failed: 'It is tried again once a minute.',
};

/** Brings the camera's pictures into the Kinesis Video stream of the board. */
export class StreamUploader implements Part {
  readonly name = 'streaming';
  readonly #options: StreamUploaderOptions;
  readonly #buffer: FragmentBuffer;
  readonly #disk: FragmentDisk | undefined;
  readonly #spool: FragmentSpool | undefined;
  readonly #fragmenter: Fragmenter;
  readonly #loop: UploadLoop;
  readonly #meter = new RateMeter();
  #enabled = true;
  #mode: StreamMode;
  #started = false;
  #unsubscribe: (() => void) | undefined;
  #cancelHousekeeping: (() => void) | undefined;
  #ending: Promise<void> | undefined;
  readonly #events = new EventWindow();
  #lastPictureAt: number | undefined;
  #latest: Fragment | undefined;
  #fragmentMs = 0;
  #lastPersistedAt: number | undefined;
  #losses = { count: 0, at: Number.NEGATIVE_INFINITY };
  #announced = '';

  constructor(options: StreamUploaderOptions) {
    this.#options = options;
    this.#mode = options.mode ?? 'continuous';
    const { clock, logger, disk } = options;
    this.#disk = disk === undefined ? undefined : new FragmentDisk({ ...disk, logger });
    this.#buffer = new FragmentBuffer({
      ...defaultBufferLimits,
      ...(this.#disk === undefined ? {} : { maxBytes: maxBytesBesideDisk, backing: this.#disk }),
      ...options.limits,
      onLoaded: () => this.#loop.advance(),
    });
    this.#spool =
      this.#disk === undefined
        ? undefined
        : new FragmentSpool({ buffer: this.#buffer, disk: this.#disk, clock });
    this.#fragmenter = new Fragmenter({
      onFragment: (fragment) => this.#onFragment(fragment),
      randomBytes: options.randomBytes,
      tagsOf: () => this.#events.tagsAt(options.clock.monotonic()),
      ...(options.minFragmentMs === undefined ? {} : { minFragmentMs: options.minFragmentMs }),
    });
    this.#loop = this.#createLoop();
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#started || signal.aborted) return;
    this.#started = true;
    await this.#spool?.open();
    await this.#apply();
  }

  /** Ends the last fragment, waits for it to be persisted, but no longer than 8 s; then what is not goes to the disk. */
  async stop(): Promise<void> {
    this.#started = false;
    await this.#apply();
    await this.#spool?.close();
  }

  /** The board knows whose it is: what an earlier run left on the disk may be sent. */
  sendKept(): void {
    this.#spool?.sendKept();
    this.#loop.advance();
    this.#announce();
  }

  async setEnabled(enabled: boolean): Promise<void> {
    this.#enabled = enabled;
    await this.#apply();
  }

  async setMode(mode: StreamMode): Promise<void> {
    this.#mode = mode;
    if (mode === 'continuous') this.#buffer.sendHeld();
    await this.#apply();
  }

  /**
   * Something happened: in mode `on_event` sends the 10 s before it, and what follows for `forMs`. In every mode the
   * fragments that begin until then bear the event in their tags, and so do those from before it that were held.
   */
  trigger(event?: RecordedEvent, forMs = postRollMs): void {
    const now = this.#options.clock.monotonic();
    this.#events.open(now, forMs, event);
    const tags = this.#events.tagsAt(now);
    for (const fragment of this.#buffer.sendHeld()) if (tags.length > 0) fragment.tag(tagsElement(tags));
    this.#loop.advance();
    this.#announce();
  }

  /**
   * Forgets the pictures that wait: they belong to an owner who has left. What comes from now on is sent as before. Rejects
   * when some stay on the disk.
   */
  async forgetWaiting(): Promise<void> {
    this.#fragmenter.close();
    this.#buffer.forgetAll();
    await this.#spool?.wipe();
  }

  status(): StreamStatus {
    const lastError = this.#loop.problem?.message ?? this.#fragmenter.problem ?? this.#noPictures();
    return {
      state: this.#state(),
      bitrate_bps: this.#meter.bitsPerSecond,
      fragment_ms: this.#fragmentMs,
      ...(this.#lastPersistedAt === undefined ? {} : { last_persisted_at: this.#lastPersistedAt }),
      dropped_fragments: this.#droppedFragments(),
      bufferedFragments: this.#buffer.fragments.length,
      bufferedBytes: this.#buffer.bytes,
      diskBytes: this.#disk?.bytes ?? 0,
      ...(lastError === undefined ? {} : { lastError }),
    };
  }

  health(): PartHealth {
    const { state, lastError } = this.status();
    const flows = state === 'streaming' || state === 'degraded';
    const rests = state === 'off' || (this.#awaitsEvent && lastError === undefined);
    return { ok: flows || rests, detail: lastError ?? this.#pace(state) };
  }

  #pace(state: StreamState): string {
    if (state === 'waiting' && this.#awaitsEvent)
      return 'The stream waits for an event (motion or alarm); the last 10 s are kept ready.';
    const behindMs = this.#buffer.behindMs;
    if ((state !== 'streaming' && state !== 'degraded') || behindMs < behindAfterMs) return paces[state];
    return (
      `The stream is ${Math.round(behindMs / 1_000)} s behind. If that grows, the uplink carries less than ` +
      'the camera delivers: improve it, or lower camera.bitrate_bps; once the buffer is full the oldest video is dropped.'
    );
  }

  get #wanted(): boolean {
    return this.#started && this.#enabled && this.#mode !== 'off';
  }

  /** Begins or ends capturing, as wanted. Whoever asks while an end is under way waits for it. */
  async #apply(): Promise<void> {
    await this.#ending;
    if (this.#wanted && this.#unsubscribe === undefined) this.#begin();
    if (!this.#wanted && this.#unsubscribe !== undefined) {
      this.#ending = this.#end();
      await this.#ending;
      this.#ending = undefined;
    }
    this.#announce();
  }

  #begin(): void {
    this.#loop.start();
    const { camera } = this.#options;
    const ends = [
      camera.subscribe((accessUnit) => this.#onPicture(accessUnit)),
      camera.observeAudio?.((frame) => this.#onSound(frame)),
    ];
    this.#unsubscribe = () => {
      for (const end of ends) end?.();
    };
    this.#keepHouse();
  }

  async #end(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancelHousekeeping?.();
    this.#fragmenter.close();
    this.#lastPictureAt = undefined;
    await this.#loop.stop(stopTimeoutMs);
    this.#meter.reset();
  }

  #createLoop(): UploadLoop {
    const { clock, credentials, logger, streamName, region, endpoint, userAgent, ca } = this.#options;
    const common = { region, streamName, clock, userAgent, ca };
    const caller = { ...common, credentials };
    const endpoints = new DataEndpointClient({ ...caller, endpoint, apiName: 'PUT_MEDIA' });
    const archive = new DataEndpointClient({ ...caller, endpoint, apiName: 'LIST_FRAGMENTS' });
    return new UploadLoop({
      buffer: this.#buffer,
      credentials,
      clock,
      logger,
      random: this.#options.random,
      connect: async ({ signal, ...request }) =>
        openPutMedia({ ...common, ...request, endpoint: await endpoints.get(signal) }),
      findArchive: (signal) => archive.get(signal),
      findStored: async (endpoint, range, signal) => {
        try {
          return await findStoredFragments(caller, endpoint, range, signal);
        } catch (error) {
          archive.forget();
          throw error;
        }
      },
      onRediscover: () => {
        endpoints.forget();
        archive.forget();
      },
      onPersisted: () => {
        this.#lastPersistedAt = clock.now();
      },
      onChange: () => this.#announce(),
    });
  }

  #onPicture(accessUnit: AccessUnit): void {
    this.#lastPictureAt = this.#options.clock.monotonic();
    this.#fragmenter.push(accessUnit);
    this.#buffer.trim();
    this.#loop.advance();
  }

  #onSound(frame: AudioFrame): void {
    this.#fragmenter.pushAudio(frame);
    this.#loop.advance();
  }

  #onFragment(fragment: Fragment): void {
    if (this.#latest?.closed) this.#fragmentMs = fragment.timecodeMs - this.#latest.timecodeMs;
    this.#latest = fragment;
    if (this.#awaitsEvent) fragment.state = 'held';
    this.#buffer.add(fragment);
    this.#buffer.forgetHeldBefore(fragment.timecodeMs - preRollMs);
  }

  #keepHouse(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (this.#silent) this.#fragmenter.close();
    this.#loop.housekeep();
    this.#spool?.housekeep(this.#loop.clockAccepted);
    this.#meter.sample(now, this.#loop.bytesWritten);
    this.#options.onSample?.({
      connected: this.#loop.connected,
      behindMs: this.#buffer.behindMs,
      sentBps: this.#meter.bitsPerSecond,
    });
    const count = this.#droppedFragments();
    if (count > this.#losses.count) this.#losses = { count, at: now };
    this.#announce();
    this.#cancelHousekeeping = clock.after(housekeepingMs, () => this.#keepHouse());
  }

  #droppedFragments(): number {
    return this.#buffer.dropped + this.#loop.refusedFragments;
  }

  #state(): StreamState {
    if (!this.#wanted) return 'off';
    const { problem, connected } = this.#loop;
    if (problem?.stopped) return 'failed';
    const now = this.#options.clock.monotonic();
    if (problem === undefined && !this.#silent && !connected && this.#awaitsEvent) return 'waiting';
    if (problem !== undefined || this.#silent || !connected)
      return this.#lastPersistedAt === undefined && problem === undefined ? 'starting' : 'waiting';
    const lossy = now - this.#losses.at < degradedForMs || this.#fragmenter.problem !== undefined;
    return lossy ? 'degraded' : 'streaming';
  }

  /** In mode `on_event`, while nothing happens. */
  get #awaitsEvent(): boolean {
    return this.#mode === 'on_event' && !this.#events.isOpen(this.#options.clock.monotonic());
  }

  get #silent(): boolean {
    return (
      this.#lastPictureAt === undefined ||
      this.#options.clock.monotonic() - this.#lastPictureAt >= cameraSilenceMs
    );
  }

  #noPictures(): string | undefined {
    if (!this.#wanted || !this.#silent) return undefined;
    const { problem } = this.#options.camera;
    return problem ?? (this.#lastPictureAt === undefined ? undefined : 'The camera delivers no pictures.');
  }

  #announce(): void {
    const status = this.status();
    const announced = `${status.state} ${status.lastError ?? ''}`;
    if (announced === this.#announced) return;
    this.#announced = announced;
    this.#options.onChange?.(status);
  }
}

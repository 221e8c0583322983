import type { ReportedState } from '@aovis/contracts/shadow';
import * as z from 'zod';
import { keepFile, readJsonFile } from '../host/atomic-file.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import { type ShadowClient, ShadowError } from './shadow-client.ts';
import { diffState, type JsonObject, leafKeysOf, mergeState, pickLeaves } from './state-diff.ts';
import { SyncLoop } from './sync-loop.ts';

/** At most one update in 10 s unless the state changed; metrics at most every 300 s. */
const updateIntervalMs = 10_000;
const metricsIntervalMs = 300_000;

/** Measurements: they change all the time and matter little one by one. */
const metrics =
  /^(agent\.uptime_s|health|health\..*|storage\..*|network\.rssi_dbm|camera\.fps|stream\.(bitrate_bps|fragment_ms|last_persisted_at|dropped_fragments))$/;
/** What somebody is waiting to see. */
const stateChanging = /^(stream\.state|binding(\..*)?|agent\.boot_id)$/;

const cacheSchema = z.object({ version: z.int(), reported: z.record(z.string(), z.json()) });

export interface ShadowReporterOptions {
  client: ShadowClient;
  connection: IotConnection;
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** The state as it is now. */
  collect: () => ReportedState;
  /** File of the last acknowledged report. */
  cachePath: string;
}

/** Keeps the reported part of the classic shadow true: differences only, rarely, and never on top of a stale read. */
export class ShadowReporter implements Part {
  readonly name = 'shadow';
  readonly #options: ShadowReporterOptions;
  readonly #loop: SyncLoop;
  /** What the cloud has, as far as known; undefined until it was read on this connection. */
  #known: JsonObject | undefined;
  #version: number | undefined;
  #cached: JsonObject | undefined;
  #updatedAt = Number.NEGATIVE_INFINITY;
  #metricsAt = Number.NEGATIVE_INFINITY;
  #lost = false;
  #started = false;

  constructor(options: ShadowReporterOptions) {
    this.#options = options;
    const { connection, clock, logger, random } = options;
    this.#loop = new SyncLoop({
      connection,
      clock,
      logger,
      random,
      round: () => this.#round(),
      onConnected: () => this.#forgetCloud(),
    });
  }

  /** Version that the cloud acknowledged last, also of an earlier run. */
  get version(): number | undefined {
    return this.#version;
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const cached = cacheSchema.safeParse(await readJsonFile(this.#options.cachePath));
    if (signal.aborted) return;
    if (cached.success) {
      this.#cached = cached.data.reported;
      this.#version = cached.data.version;
    }
    this.#options.client.listen();
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): PartHealth {
    if (this.#version === undefined) return { ok: false, detail: 'nothing reported yet' };
    return { ok: this.#known !== undefined, detail: `version ${this.#version}` };
  }

  /** Something may have changed: looks at once, reports when the rules above allow. */
  changed(): void {
    this.#loop.ask();
  }

  /** The cloud has lost what was reported: it is read again, and whoever has the board next sees all of it. */
  lost(): void {
    this.#lost = true;
    this.#loop.ask();
  }

  #forgetCloud(): void {
    this.#known = undefined;
    // What was measured before a reconnect is reported with the first update after it.
    this.#metricsAt = Number.NEGATIVE_INFINITY;
  }

  async #round(): Promise<number> {
    // Not at the notice itself: a report that was under way then would be taken for known.
    if (this.#lost) this.#forgetCloud();
    this.#lost = false;
    this.#known ??= await this.#readCloud();
    const state = JSON.parse(JSON.stringify(this.#options.collect())) as JsonObject;
    const difference = diffState(this.#known, state);
    const { patch, dueInMs } = this.#due(difference);
    if (patch === undefined) return dueInMs;
    await this.#send(patch);
    return updateIntervalMs;
  }

  async #readCloud(): Promise<JsonObject> {
    try {
      const document = await this.#options.client.get();
      this.#version = document?.version;
      return document?.reported ?? {};
    } catch (error) {
      // Refused (throttled, say) but not disconnected: the last acknowledged report is as good for differences.
      if (!(error instanceof ShadowError) || error.status < 429 || this.#cached === undefined) throw error;
      return this.#cached;
    }
  }

  /** The part of a difference that may go out now, or how long until some may. */
  #due(difference: JsonObject | undefined): { patch?: JsonObject; dueInMs: number } {
    if (difference === undefined) return { dueInMs: updateIntervalMs };
    const now = this.#options.clock.monotonic();
    const keys = leafKeysOf(difference);
    const metricsDue = now - this.#metricsAt >= metricsIntervalMs;
    const ordinary = keys.some((key) => !metrics.test(key));
    const urgent = keys.some((key) => stateChanging.test(key));
    const waitMs = this.#updatedAt + updateIntervalMs - now;
    if (!urgent && waitMs > 0) return { dueInMs: waitMs };
    if (!ordinary && !metricsDue) return { dueInMs: updateIntervalMs };
    const patch = metricsDue ? difference : pickLeaves(difference, (key) => !metrics.test(key));
    return { ...(patch === undefined ? {} : { patch }), dueInMs: updateIntervalMs };
  }

  async #send(patch: JsonObject): Promise<void> {
    const { client, clock, cachePath } = this.#options;
    try {
      this.#version = await client.update(patch, this.#version);
    } catch (error) {
      this.#known = undefined;
      if (!(error instanceof ShadowError && error.isVersionConflict)) throw error;
      this.#loop.ask();
      return;
    }
    this.#updatedAt = clock.monotonic();
    if (leafKeysOf(patch).some((key) => metrics.test(key))) this.#metricsAt = this.#updatedAt;
    this.#known = mergeState(this.#known ?? {}, patch);
    this.#cached = this.#known;
    await keepFile(
      cachePath,
      JSON.stringify({ version: this.#version, reported: this.#known }),
      this.#options.logger,
    );
  }
}

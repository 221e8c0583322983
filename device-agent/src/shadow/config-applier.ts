import { type RunningConfig, runningConfigSchema } from '@aovis/contracts/shadow';
import { keepFile, readJsonFile, writeFileAtomically } from '../host/atomic-file.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import { applyDesired, type RefuseSetting } from './desired-config.ts';
import { type ShadowClient, type ShadowDelta, ShadowError } from './shadow-client.ts';
import { diffState, holdsAny, type JsonObject, mergeState } from './state-diff.ts';
import { SyncLoop } from './sync-loop.ts';

export interface ConfigApplierOptions {
  /** Of the named shadow `config`. */
  client: ShadowClient;
  connection: IotConnection;
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** What a board runs with that was never told otherwise. */
  defaults: RunningConfig;
  /** File of the running configuration: a board without network starts with what it ran with last. */
  path: string;
  refuse: RefuseSetting;
  /** Puts a configuration into force: at start, and after each change before it is reported as running. */
  onChange: (running: RunningConfig) => Promise<void>;
  /** Called when the set of refused settings changes and is not empty. */
  onRefused: (errors: Record<string, string>) => void;
  /** Called when the cloud turns out to have lost what this board reported. */
  onLost: () => void;
}

/**
 * Obeys the named shadow `config`: takes over valid desired settings, refuses the others under `config_errors`, and
 * reports what runs. The service announces a difference after every update that leaves one, ours included; so only
 * what is new is reported, or a refused setting would go round for ever.
 */
export class ConfigApplier implements Part {
  readonly name = 'config';
  readonly #options: ConfigApplierOptions;
  readonly #loop: SyncLoop;
  #running: RunningConfig;
  #errors: Record<string, string> = {};
  /** Desired settings not looked at yet; `whole`: all there are, not those alone that differ from what is reported. */
  #waiting: (ShadowDelta & { whole?: true }) | undefined;
  #seenVersion = 0;
  /** What the cloud has as reported; undefined until read on this connection. */
  #known: JsonObject | undefined;
  #version: number | undefined;
  #started = false;
  #changing: Promise<void> = Promise.resolve();

  constructor(options: ConfigApplierOptions) {
    this.#options = options;
    this.#running = options.defaults;
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

  get running(): RunningConfig {
    return this.#running;
  }

  /** Version of the desired configuration that was looked at last. */
  get version(): number {
    return this.#seenVersion;
  }

  get errors(): Readonly<Record<string, string>> {
    return this.#errors;
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const kept = runningConfigSchema.safeParse(await readJsonFile(this.#options.path));
    if (signal.aborted) return;
    if (kept.success) this.#running = kept.data;
    await this.#options.onChange(this.#running);
    const { client } = this.#options;
    client.listen();
    client.onDelta((delta) => this.#onDelta(delta));
    client.onDesiredChanged(() => this.#onDesiredChanged());
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** Back to what a board runs with that was never told otherwise; then what is desired now is looked at. */
  reset(): Promise<void> {
    const { defaults, path, onChange } = this.#options;
    return this.#inTurn(async () => {
      await writeFileAtomically(path, JSON.stringify(defaults));
      this.#running = defaults;
      this.#errors = {};
      await onChange(defaults);
      this.#waiting = undefined;
      this.#known = undefined;
      this.#loop.ask();
    });
  }

  /** One change of what runs after the other: they share a file. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => {});
    return changed;
  }

  health(): PartHealth {
    const refused = Object.entries(this.#errors).map(([key, reason]) => `${key}: ${reason}`);
    if (refused.length > 0) return { ok: true, detail: `refused ${refused.join('; ')}` };
    return { ok: true, detail: `version ${this.#seenVersion}` };
  }

  #forgetCloud(): void {
    this.#known = undefined;
    this.#waiting = undefined;
  }

  /** Duplicates and late deltas are dropped: a newer one has said everything they say. */
  #onDelta(delta: ShadowDelta): void {
    if (delta.version <= (this.#waiting?.version ?? this.#seenVersion)) return;
    this.#waiting = delta;
    this.#loop.ask();
  }

  /** A withdrawn setting leaves no difference and so no delta; the errors it caused must still go. */
  #onDesiredChanged(): void {
    if (Object.keys(this.#errors).length === 0) return;
    this.#known = undefined;
    this.#loop.ask();
  }

  async #round(): Promise<undefined> {
    this.#known ??= await this.#readCloud();
    const delta = this.#waiting;
    this.#waiting = undefined;
    if (delta !== undefined) {
      this.#seenVersion = delta.version;
      this.#version = delta.version;
      await this.#inTurn(() => this.#take(delta.state));
      if (!delta.whole && holdsAny(this.#known, delta.state)) return this.#startAnew();
    }
    await this.#report();
    return undefined;
  }

  /**
   * A difference holds nothing that is reported (Developer Guide, "/update/delta"); when this one does, the shadows were
   * wiped, as they are when the board changes hands.
   */
  #startAnew(): undefined {
    this.#options.logger.info('The cloud has lost what this board reported; it is told once more.');
    this.#options.onLost();
    this.#known = undefined;
    this.#loop.ask();
  }

  async #readCloud(): Promise<JsonObject> {
    const document = await this.#options.client.get();
    this.#version = document?.version;
    // All of the desired state is looked at: a delta would leave out what an earlier run reported and lost again.
    const version = document?.version ?? 0;
    if (this.#waiting === undefined || this.#waiting.version < version)
      this.#waiting = { state: document?.desired ?? {}, version, whole: true };
    return document?.reported ?? {};
  }

  async #take(desired: JsonObject): Promise<void> {
    const { refuse, path, onChange, onRefused, logger } = this.#options;
    const { running, errors } = applyDesired(this.#running, desired, refuse);
    const news = diffState(this.#errors, errors);
    this.#errors = errors;
    if (news !== undefined && Object.keys(errors).length > 0) {
      logger.warn({ errors }, 'Desired settings were refused; the board goes on with what it runs with.');
      onRefused(errors);
    }
    const change = diffState({ ...this.#running }, { ...running });
    if (change === undefined) return;
    this.#running = running;
    logger.info({ change }, 'New settings are in force.');
    await onChange(running);
    await keepFile(path, JSON.stringify(running), logger);
  }

  async #report(): Promise<void> {
    const known = this.#known ?? {};
    const { config_version: _, ...withoutVersion } = known;
    const errors = Object.keys(this.#errors).length > 0 ? { config_errors: this.#errors } : {};
    const wanted: JsonObject = { ...this.#running, ...errors };
    const patch = diffState(withoutVersion, wanted);
    if (patch === undefined) return;
    const complete = { ...patch, config_version: this.#seenVersion };
    try {
      this.#version = await this.#options.client.update(complete, this.#version);
    } catch (error) {
      this.#known = undefined;
      if (!(error instanceof ShadowError && error.isVersionConflict)) throw error;
      this.#loop.ask();
      return;
    }
    this.#known = mergeState(known, complete);
  }
}

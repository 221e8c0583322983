import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/logger.ts';
import type { Part, PartHealth } from '../../part.ts';
import type { ServiceManager } from './service-manager.ts';

export interface SupervisionOptions {
  /** Undefined when the agent was not started by one that wants to know. */
  manager: ServiceManager | undefined;
  clock: Clock;
  logger: Logger;
  /** What has come to a standstill, if anything has. */
  standstill: () => string | undefined;
  /** The agent's state in one line, for `systemctl status`. */
  statusLine: () => string;
}

/** Without a watchdog the line is kept up to date all the same. */
const statusEveryMs = 60_000;
/** A third, so that one feed may be late. */
const feedsPerTimeout = 3;

/**
 * Tells systemd when the agent is ready and how it is, and feeds its watchdog for as long as nothing stands still. Last of the
 * parts: ready means that the others have started.
 */
export class Supervision implements Part {
  readonly name = 'service';
  readonly #options: SupervisionOptions;
  #started = false;
  #standstill: string | undefined;
  #failure: string | undefined;
  #cancelNext: () => void = () => {};
  #telling: Promise<void> = Promise.resolve();

  constructor(options: SupervisionOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#started || this.#options.manager === undefined) return;
    this.#started = true;
    await this.#tell({ READY: '1', STATUS: this.#options.statusLine() });
    this.#schedule();
  }

  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#cancelNext();
    await this.#telling;
    await this.#tell({ STOPPING: '1', STATUS: 'stopping' });
  }

  health(): PartHealth {
    if (this.#options.manager === undefined) return { ok: true, detail: 'not started by systemd' };
    if (this.#failure !== undefined) return { ok: false, detail: this.#failure };
    return { ok: true, detail: this.#started ? 'systemd is told how the agent is' : 'not started' };
  }

  #schedule(): void {
    const { manager, clock } = this.#options;
    const everyMs = manager?.watchdogMs === undefined ? statusEveryMs : manager.watchdogMs / feedsPerTimeout;
    this.#cancelNext = clock.after(everyMs, () => {
      this.#telling = this.#look().finally(() => {
        if (this.#started) this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    const { manager, logger, standstill, statusLine } = this.#options;
    const found = standstill();
    if (found !== undefined && found !== this.#standstill)
      logger.error(
        `Something has come to a standstill (${found}): systemd starts the agent anew. Report it with the lines above.`,
      );
    this.#standstill = found;
    if (found !== undefined) await this.#tell({ STATUS: `standstill: ${found}` });
    else
      await this.#tell({
        ...(manager?.watchdogMs === undefined ? {} : { WATCHDOG: '1' }),
        STATUS: statusLine(),
      });
  }

  async #tell(assignments: Readonly<Record<string, string>>): Promise<void> {
    const { manager, logger } = this.#options;
    try {
      await manager?.notify(assignments);
      this.#failure = undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const sentence =
        `systemd cannot be told how the agent is (${reason}): check that systemd-notify is installed and the unit has ` +
        'NotifyAccess=all; otherwise systemd takes the agent for dead.';
      if (this.#failure === undefined) logger.warn(sentence);
      this.#failure = sentence;
    }
  }
}

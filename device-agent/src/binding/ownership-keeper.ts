import { type OwnershipState, ownershipStateSchema } from '@aovis/contracts/ownership';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import { type ShadowClient, ShadowError } from '../shadow/shadow-client.ts';
import { diffState, type JsonObject } from '../shadow/state-diff.ts';
import { SyncLoop } from '../shadow/sync-loop.ts';
import type { BindingFile, BindingMemory } from './binding-file.ts';
import { ClaimWindow, type WindowReason } from './claim-window.ts';
import { type OwnedData, wipeAll } from './former-owner-data.ts';
import type { GatedConnection } from './gated-connection.ts';
import { judgeOwnership } from './ownership-rules.ts';

export interface OwnershipKeeperOptions {
  /** Of the named shadow `ownership`. */
  client: ShadowClient;
  connection: IotConnection;
  /** Opened on each connection once the board knows whose it is. */
  gate: GatedConnection;
  clock: Clock;
  logger: Logger;
  random: () => number;
  file: BindingFile;
  /** What is the owner's on this board. */
  data: readonly OwnedData[];
  /** Called when `claimable`, owner, epoch or who may look have changed. */
  onChange: () => void;
  /** Called when what a former owner left is gone. */
  onWiped: (ownership: OwnershipState) => void;
}

/** How the board stands with owners, for shadow and status. */
export interface BindingStatus {
  claimable: boolean;
  /** Undefined until the cloud has said so once. */
  ownership: OwnershipState | undefined;
  /** When it ceases to be claimable by itself, milliseconds since the epoch. */
  windowClosesAt: number | undefined;
}

/** Why a window was not opened. */
export type WindowRefusal = 'owned' | 'unknown' | 'not_stored';

const refreshWithinMs = 10_000;

/**
 * Follows the named shadow `ownership`: wipes what a former owner left, lets the board be claimed while nobody owns it and
 * somebody stood before it lately, and says nothing of what was kept before it knows whose it is. Every change is on disk
 * before it is acted on.
 */
export class OwnershipKeeper implements Part {
  readonly name = 'binding';
  readonly #options: OwnershipKeeperOptions;
  readonly #loop: SyncLoop;
  readonly #window: ClaimWindow;
  #memory: BindingMemory = { wipe_pending: false };
  #synced: (() => void)[] = [];
  #started = false;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: OwnershipKeeperOptions) {
    this.#options = options;
    const { connection, clock, logger, random } = options;
    this.#window = new ClaimWindow(clock, () => {
      logger.info('The time in which this board could be claimed is over; press its button to begin anew.');
      options.onChange();
    });
    this.#loop = new SyncLoop({
      connection,
      clock,
      logger,
      random,
      round: () => this.#round(),
      onConnected: () => {},
    });
  }

  /** After what holds the data, before the connection: what an earlier run did not get to wipe is wiped now. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const { file, client } = this.#options;
    this.#memory = await file.load();
    if (signal.aborted) return;
    if (this.#memory.window !== undefined) this.#window.open(this.#memory.window);
    await this.#wipeIfPending().catch((error: unknown) =>
      this.#options.logger.error({ err: error }, sentenceOf(error)),
    );
    client.listen();
    client.onDelta(() => this.#loop.ask());
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#window.close();
    await this.#loop.stop();
  }

  health(): PartHealth {
    return {
      ok: !this.#memory.wipe_pending,
      detail: describeBinding(this.status(), this.#options.clock.now()),
    };
  }

  status(): BindingStatus {
    const { ownership } = this.#memory;
    const open = ownership !== undefined && !ownership.owned && this.#window.isOpen;
    return { claimable: open, ownership, windowClosesAt: open ? this.#window.kept?.closes_at : undefined };
  }

  /** Lets the board be claimed for 15 minutes from now. */
  async openWindow(reason: WindowReason): Promise<WindowRefusal | undefined> {
    const { ownership } = this.#memory;
    if (ownership === undefined) return 'unknown';
    if (ownership.owned) return 'owned';
    try {
      await this.#keep((memory) => ({ ...memory, window: this.#window.next(reason) }));
    } catch (error) {
      this.#options.logger.error(
        { err: error },
        'The board cannot be claimed: the state directory cannot be written. Free space there, then press again.',
      );
      return 'not_stored';
    }
    this.#options.logger.info({ reason }, 'This board can be claimed for 15 minutes.');
    this.#options.onChange();
    return undefined;
  }

  /** Asks the cloud anew; resolves when it has answered, or after 10 s. */
  async refresh(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(refreshWithinMs, resolve);
      this.#synced.push(() => {
        cancel();
        resolve();
      });
      this.#loop.ask();
    });
  }

  async #round(): Promise<undefined> {
    const document = await this.#options.client.get();
    await this.#take(document?.desired ?? {});
    await this.#wipeIfPending();
    const report: JsonObject = { ...this.#memory.ownership };
    const patch = diffState(document?.reported ?? {}, report);
    // What came between says something new: it is looked at before anything goes out.
    if (patch !== undefined && !(await this.#report(patch, document?.version))) this.#loop.ask();
    else this.#letOut();
    return undefined;
  }

  /** The board knows whose it is. */
  #letOut(): void {
    this.#options.gate.open();
    for (const resolve of this.#synced.splice(0)) resolve();
  }

  async #take(desired: JsonObject): Promise<void> {
    const told = readOwnership(desired);
    const known = this.#memory.ownership;
    if (told === undefined)
      return this.#options.logger.warn(
        'The shadow «ownership» does not say whose this board is; it stays as it was.',
      );
    const news = judgeOwnership(known, told);
    if (news.kind === 'outdated')
      this.#options.logger.warn(
        { known, told },
        'The shadow «ownership» names an epoch that is over: it is ignored.',
      );
    if (news.kind === 'viewers') {
      await this.#keep((memory) => ({ ...memory, ownership: told }));
      this.#options.logger.info('Somebody may look through this board no longer.');
      return this.#options.onChange();
    }
    if (news.kind !== 'change') return;
    const window = news.firstWord && !told.owned ? this.#window.next('first_start') : undefined;
    await this.#keep((memory) => ({
      ownership: told,
      wipe_pending: memory.wipe_pending || news.wipe,
      ...(window === undefined ? {} : { window }),
    }));
    this.#options.logger.info(
      { ...told },
      told.owned ? 'This board has an owner.' : 'Nobody owns this board.',
    );
    if (window !== undefined) this.#options.logger.info('This board can be claimed for 15 minutes.');
    this.#options.onChange();
  }

  async #wipeIfPending(): Promise<void> {
    const { ownership, wipe_pending } = this.#memory;
    if (!wipe_pending || ownership === undefined) return;
    await wipeAll(this.#options.data);
    await this.#keep((memory) => ({ ...memory, wipe_pending: false }));
    this.#options.logger.info('What a former owner left on this board is gone.');
    this.#options.onWiped(ownership);
  }

  /** False when the shadow has changed since it was read. */
  async #report(patch: JsonObject, version: number | undefined): Promise<boolean> {
    try {
      await this.#options.client.update(patch, version);
      return true;
    } catch (error) {
      if (error instanceof ShadowError && error.isVersionConflict) return false;
      throw error;
    }
  }

  /** On disk first; one change after the other. */
  #keep(change: (memory: BindingMemory) => BindingMemory): Promise<void> {
    const kept = this.#keeping.then(async () => {
      const memory = change(this.#memory);
      await this.#options.file.store(memory);
      this.#memory = memory;
      if (memory.window === undefined) this.#window.close();
      else this.#window.open(memory.window);
    });
    this.#keeping = kept.catch(() => {});
    return kept;
  }
}

/** A shadow that says nothing at all is that of a board that nobody has ever owned. */
function readOwnership(desired: JsonObject): OwnershipState | undefined {
  if (Object.keys(desired).length === 0) return { epoch: 0, owned: false };
  return ownershipStateSchema.safeParse(desired).data;
}

function describeBinding({ claimable, ownership, windowClosesAt }: BindingStatus, now: number): string {
  if (ownership === undefined) return 'not told yet by the cloud whether somebody owns this board';
  if (ownership.owned) return `owned (epoch ${ownership.epoch})`;
  if (!claimable) return `nobody's (epoch ${ownership.epoch}); press the button to let it be claimed`;
  const minutes = Math.max(1, Math.ceil(((windowClosesAt ?? now) - now) / 60_000));
  return `can be claimed for ${minutes} min (epoch ${ownership.epoch})`;
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

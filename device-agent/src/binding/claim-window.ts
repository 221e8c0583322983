import { epochMsSchema } from '@aovis/contracts/events';
import * as z from 'zod';
import type { Clock } from '../host/clock.ts';

/** How long a board can be claimed after somebody stood before it. */
export const claimWindowMs = 15 * 60_000;

/** `first_start`: of a board without memory, fresh from the factory or reset. `button`: somebody pressed it. */
export const windowReasons = ['first_start', 'button'] as const;
export type WindowReason = (typeof windowReasons)[number];

/** What a restart finds of it; both times are the wall clock's. */
export const keptWindowSchema = z.object({
  reason: z.enum(windowReasons),
  opened_at: epochMsSchema,
  closes_at: epochMsSchema,
});
export type KeptWindow = z.infer<typeof keptWindowSchema>;

/**
 * The time during which a board can be claimed. It ends by the monotonic clock, so that setting the clock prolongs
 * nothing; a restart takes up what the wall clock says is left, and nothing when that clock has gone back.
 */
export class ClaimWindow {
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  #kept: KeptWindow | undefined;
  #endsAt = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};

  /** `onClosed` is called when its time is over. */
  constructor(clock: Clock, onClosed: () => void) {
    this.#clock = clock;
    this.#onClosed = onClosed;
  }

  get isOpen(): boolean {
    return this.#kept !== undefined && this.#clock.monotonic() < this.#endsAt;
  }

  /** What is to be kept of it; undefined while it is closed. */
  get kept(): KeptWindow | undefined {
    return this.isOpen ? this.#kept : undefined;
  }

  /** What a window that opens now will be. */
  next(reason: WindowReason): KeptWindow {
    const now = this.#clock.now();
    return { reason, opened_at: now, closes_at: now + claimWindowMs };
  }

  /** Opens a window that was just made, or takes up one that a restart found. */
  open(window: KeptWindow): void {
    this.#cancel();
    const now = this.#clock.now();
    const leftMs = Math.min(window.closes_at - now, claimWindowMs);
    if (now < window.opened_at || leftMs <= 0) return this.close();
    this.#kept = window;
    this.#endsAt = this.#clock.monotonic() + leftMs;
    this.#cancel = this.#clock.after(leftMs, () => {
      this.close();
      this.#onClosed();
    });
  }

  close(): void {
    this.#cancel();
    this.#cancel = () => {};
    this.#kept = undefined;
  }
}

import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';

/** Counts within an hour, by key, for all instances together. */
export interface HourlyCounts {
  /** Counts one more. */
  increment(key: string): Promise<{ totalHits: number; resetTime: Date | undefined }>;
}

const mailsPerUser = 20;
const mailsPerAddress = 5;

/**
 * How many invitations are mailed: to people who did not ask for one. Counted once it is known that the device is the
 * user's, so that nobody else can use up what may go to an address.
 */
export class MailAllowance {
  readonly #counts: HourlyCounts;
  readonly #clock: Clock;

  constructor({ counts, clock }: { counts: HourlyCounts; clock: Clock }) {
    this.#counts = counts;
    this.#clock = clock;
  }

  /** @throws AppError rate_limited */
  async take(userId: string, email: string): Promise<void> {
    await this.#count(`user:${userId}`, mailsPerUser);
    // Hashed: the counters are no list of addresses.
    await this.#count(`to:${createHash('sha256').update(email).digest('base64url')}`, mailsPerAddress);
  }

  async #count(key: string, limit: number): Promise<void> {
    const { totalHits, resetTime } = await this.#counts.increment(key);
    if (totalHits <= limit) return;
    const waitMs = (resetTime?.getTime() ?? 0) - this.#clock.now().getTime();
    throw new AppError('rate_limited', { retryAfterMs: Math.max(1_000, waitMs) });
  }
}

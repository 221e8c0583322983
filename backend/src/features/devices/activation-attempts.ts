import { type Database, transaction } from '../../db/database.ts';
import { type AttemptScope, attemptPolicies, waitMs } from './attempt-limit.ts';

export interface Attempt {
  deviceId: string;
  userId: string;
  /** Address, or network of addresses that belong together. */
  network: string;
}

export type AttemptOpening = { ok: true; attemptId: string } | { ok: false; retryAfterMs: number };

/** Outcomes that count against the next attempt; an attempt under way counts, so that parallel guesses do too. */
const failures = ['open', 'invalid_activation_code', 'iccid_mismatch'];

/** The log of activation attempts, from which their limits are counted. Shared by all instances of the backend. */
export class ActivationAttempts {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Books an attempt unless one of its limits makes it wait. It counts as failed until it is closed. */
  async open(attempt: Attempt, now: Date): Promise<AttemptOpening> {
    return transaction(this.#db, async (trx) => {
      await takeTurns(trx, attempt);
      await forgetOld(trx, attempt.userId, now);
      const retryAfterMs = await longestWaitMs(trx, attempt, now);
      if (retryAfterMs > 0) return { ok: false, retryAfterMs };
      const [row] = await trx('activation_attempts')
        .insert({
          device_id: attempt.deviceId,
          user_id: attempt.userId,
          ip: attempt.network,
          outcome: 'open',
          at: now,
        })
        .returning<{ id: string }[]>('id');
      if (row === undefined) throw new Error('the attempt was not stored');
      return { ok: true, attemptId: row.id };
    });
  }
}

/** `outcome` is `ok` or the code of the refusal. */
export async function closeAttempt(trx: Database, attemptId: string, outcome: string): Promise<void> {
  await trx('activation_attempts').where({ id: attemptId }).update({ outcome });
}

/** Attempts of one user, or from one address, count one after the other. Always in this order: no deadlock. */
async function takeTurns(trx: Database, { userId, network }: Attempt): Promise<void> {
  for (const key of [`activation-user:${userId}`, `activation-network:${network}`]) {
    await trx.raw('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', [key]);
  }
}

async function longestWaitMs(
  trx: Database,
  { deviceId, userId, network }: Attempt,
  now: Date,
): Promise<number> {
  const counted: Record<AttemptScope, Record<string, string>> = {
    'device+user': { device_id: deviceId, user_id: userId },
    user: { user_id: userId },
    network: { ip: network },
  };
  let longest = 0;
  for (const [scope, policy] of Object.entries(attemptPolicies)) {
    const row = await trx('activation_attempts')
      .where(counted[scope as AttemptScope])
      .whereIn('outcome', failures)
      .where('at', '>', new Date(now.getTime() - policy.windowMs))
      .count<{ failures: string }[]>('* as failures')
      .max('at as last')
      .first<{ failures: string; last: Date | null }>();
    const count = { failures: Number(row?.failures ?? 0), lastFailureAtMs: row?.last?.getTime() ?? 0 };
    longest = Math.max(longest, waitMs(count, policy, now.getTime()));
  }
  return longest;
}

/** Addresses are personal data: keep them no longer than the limits look back. */
async function forgetOld(trx: Database, userId: string, now: Date): Promise<void> {
  const longestWindowMs = Math.max(...Object.values(attemptPolicies).map(({ windowMs }) => windowMs));
  await trx('activation_attempts')
    .where({ user_id: userId })
    .where('at', '<', new Date(now.getTime() - longestWindowMs))
    .delete();
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { findIccidOfDevice } from '../sim/sim-service.ts';
import { dataPlanRefreshTopic, outboxKeyOf, type RefreshPayload } from './data-plan-topics.ts';
import type { Purchase } from './purchase.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import type { PurchaseStatus } from './purchase-rules.ts';
import { enqueueOrder, type PurchaseTransitions } from './purchase-transitions.ts';

export interface ReconcileDependencies {
  db: Database;
  clock: Clock;
  /** Shared with the scheduler. */
  cronSecret: string | undefined;
  transitions: PurchaseTransitions;
}

export interface Reconciliation {
  refreshed: number;
  ordered_again: number;
  assigned: number;
  expired: number;
}

const minute = 60_000;
/** Ordered ones should be in use soon; those in use are only looked after for being used up early. */
const refreshAfterMs: readonly [PurchaseStatus, number][] = [
  ['ordering', 5 * minute],
  ['disputed', 60 * minute],
  ['active', 24 * 60 * minute],
];
const orderAgainAfterMs = 15 * minute;
/** Of each kind in one run; the rest in the next. At ten calls a second this is a minute of the carrier's time. */
const batch = 200;
/** Any number that nothing else locks: runs of several instances take turns. */
const lockKey = 0x7265636f;

/** Finds what notifications and lost messages missed, and puts it into the queue. Calls nobody itself. */
export class ReconcileService {
  readonly #dependencies: ReconcileDependencies;

  constructor(dependencies: ReconcileDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError cron_not_configured, unauthorized */
  assertAllowed(authorization: string | undefined): void {
    const { cronSecret } = this.#dependencies;
    if (cronSecret === undefined) throw new AppError('cron_not_configured');
    // Hashes have one length, whatever was sent.
    if (!timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${cronSecret}`)))
      throw new AppError('unauthorized');
  }

  async run(requestId: string): Promise<Reconciliation> {
    const now = this.#dependencies.clock.now();
    return transaction(this.#dependencies.db, async (trx) => {
      await trx.raw('SELECT pg_advisory_xact_lock(?)', [lockKey]);
      const purchases = new KnexPurchaseRepository(trx);
      return {
        assigned: await this.#assign(trx, purchases, requestId),
        ordered_again: await this.#orderAgain(trx, { purchases, now, requestId }),
        refreshed: await this.#refresh(trx, { purchases, now, requestId }),
        expired: await this.#expire(trx, { purchases, now, requestId }),
      };
    });
  }

  async #assign(trx: Database, purchases: KnexPurchaseRepository, requestId: string): Promise<number> {
    let assigned = 0;
    for (const { id, deviceId } of await purchases.listUnassigned(batch)) {
      const iccid = await findIccidOfDevice(trx, deviceId);
      const purchase = iccid === undefined ? undefined : await purchases.lock({ id });
      if (purchase?.status !== 'pending_assignment' || purchase.iccid !== undefined) continue;
      await purchases.update({ ...purchase, iccid, updatedAt: this.#dependencies.clock.now() });
      await enqueueOrder(trx, id, requestId);
      assigned += 1;
    }
    return assigned;
  }

  async #orderAgain(trx: Database, { purchases, now, requestId }: Run): Promise<number> {
    const since = new Date(now.getTime() - orderAgainAfterMs);
    const idle = await purchases.listIdle(['paid', 'pending_assignment'], { since, limit: batch });
    const waiting = await withoutMessage(
      trx,
      idle.filter(({ iccid }) => iccid !== undefined),
    );
    for (const { id } of waiting) await enqueueOrder(trx, id, requestId);
    return waiting.length;
  }

  async #refresh(trx: Database, { purchases, now, requestId }: Run): Promise<number> {
    let refreshed = 0;
    for (const [status, afterMs] of refreshAfterMs) {
      const since = new Date(now.getTime() - afterMs);
      const idle = await purchases.listIdle([status], { since, limit: batch });
      for (const { id } of await withoutMessage(trx, idle)) {
        const payload: RefreshPayload = { purchase_id: id, refunded: false };
        await enqueue(trx, { topic: dataPlanRefreshTopic, key: outboxKeyOf(id), payload, requestId });
        refreshed += 1;
      }
    }
    return refreshed;
  }

  async #expire(trx: Database, { purchases, now, requestId }: Run): Promise<number> {
    const over = await purchases.listOver(now, batch);
    for (const { id } of over) {
      const purchase = await purchases.lock({ id });
      if (purchase)
        await this.#dependencies.transitions.apply(trx, purchase, {
          event: 'window_over',
          actor: { kind: 'system' },
          requestId,
        });
    }
    return over.length;
  }
}

interface Run {
  purchases: KnexPurchaseRepository;
  now: Date;
  requestId: string;
}

/** Those that no live message in the outbox is about. */
async function withoutMessage(trx: Database, purchases: readonly Purchase[]): Promise<Purchase[]> {
  const keys = purchases.map(({ id }) => outboxKeyOf(id));
  const rows = await trx('outbox')
    .whereIn('key', keys)
    .whereNull('dead_at')
    .distinct<{ key: string }[]>('key');
  const busy = new Set(rows.map(({ key }) => key));
  return purchases.filter(({ id }) => !busy.has(outboxKeyOf(id)));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

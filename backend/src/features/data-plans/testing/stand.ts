import { randomUUID } from 'node:crypto';
import type { Database } from '../../../db/database.ts';
import { FakeClock } from '../../../kernel/fake-clock.ts';
import { createLogger } from '../../../kernel/logger.ts';
import { seedBoard, seedUser } from '../../devices/testing/seed.ts';
import { KnexEntitlementRepository } from '../../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../../entitlements/entitlement-service.ts';
import { dataPlanOrderTopic, dataPlanRefreshTopic } from '../data-plan-topics.ts';
import { FulfilmentService } from '../fulfilment-service.ts';
import type { Purchase } from '../purchase.ts';
import { KnexPurchaseRepository } from '../purchase-repository.ts';
import type { PurchaseEvent } from '../purchase-rules.ts';
import { PurchaseTransitions } from '../purchase-transitions.ts';
import type { SimCarrier } from '../sim-carrier.ts';
import { seedPurchase } from './seed.ts';

let cards = 0;

/** Services of data plans over a database, and the steps that tests take with them. */
export class DataPlanStand {
  readonly db: Database;
  readonly clock = new FakeClock('2026-03-01T08:00:00Z');
  readonly log = createLogger({ level: 'silent' });
  readonly transitions: PurchaseTransitions;
  readonly #carrier: SimCarrier;

  constructor(db: Database, carrier: SimCarrier) {
    this.db = db;
    this.#carrier = carrier;
    const entitlementsIn = (database: Database): EntitlementService =>
      new EntitlementService({ repository: new KnexEntitlementRepository(database), clock: this.clock });
    this.transitions = new PurchaseTransitions({ clock: this.clock, entitlementsIn });
  }

  /** One of any number of instances. */
  fulfilment(): FulfilmentService {
    const { db, clock, log, transitions } = this;
    return new FulfilmentService({ db, clock, log, transitions, carrier: this.#carrier });
  }

  async newPurchase({ withSim = true }: { withSim?: boolean } = {}) {
    cards += 1;
    const iccid = withSim ? `894450010219${String(cards).padStart(6, '0')}` : undefined;
    const userId = await seedUser(this.db);
    const deviceId = await seedBoard(this.db, iccid === undefined ? {} : { iccid });
    const id = await seedPurchase(this.db, {
      userId,
      deviceId,
      now: this.clock.now(),
      ...(iccid !== undefined && { iccid }),
    });
    return { id, userId, deviceId, iccid };
  }

  async paidPurchase() {
    const purchase = await this.newPurchase();
    await this.apply(purchase.id, 'paid_with_sim');
    return purchase;
  }

  async apply(id: string, ...events: PurchaseEvent[]): Promise<void> {
    for (const event of events)
      await this.db.transaction(async (trx) => {
        const purchase = await new KnexPurchaseRepository(trx).lock({ id });
        if (purchase) await this.transitions.apply(trx, purchase, { event, actor: { kind: 'system' } });
      });
  }

  async get(id: string): Promise<Purchase> {
    const purchase = await new KnexPurchaseRepository(this.db).find(id);
    if (purchase === undefined) throw new Error('there is no such purchase');
    return purchase;
  }

  async rights(id: string): Promise<{ capability: string; status: string }[]> {
    return this.db('entitlements')
      .where({ purchase_id: id })
      .orderBy('capability')
      .select('capability', 'status');
  }

  /** From and to of each audited step, oldest first. */
  async steps(id: string): Promise<string[]> {
    const rows = await this.db('audit_log')
      .where({ action: 'data_plan.transition', subject_id: id })
      .orderBy('seq')
      .select<{ details: { from: string; to: string } }[]>('details');
    return rows.map(({ details }) => `${details.from} ${details.to}`);
  }

  /** What waits in the outbox about a purchase. */
  async queued(id: string): Promise<string[]> {
    const rows = await this.db('outbox')
      .whereIn('topic', [dataPlanOrderTopic, dataPlanRefreshTopic])
      .whereRaw(`payload->>'purchase_id' = ?`, [id])
      .orderBy('id')
      .select<{ topic: string }[]>('topic');
    return rows.map(({ topic }) => topic);
  }
}

export const handling = { signal: new AbortController().signal, requestId: randomUUID() };

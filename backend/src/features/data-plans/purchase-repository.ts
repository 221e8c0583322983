import type { Capability } from '@aovis/contracts/http/devices';
import type { Database } from '../../db/database.ts';
import type { Position } from '../../kernel/cursor.ts';
import type { DataPlan } from './data-plan.ts';
import type { Purchase } from './purchase.ts';
import type { PurchaseStatus } from './purchase-rules.ts';

/** How a payment or a carrier names a purchase: any one that fits counts. */
export interface PurchaseReference {
  id?: string | undefined;
  stripeSessionId?: string | undefined;
  paymentIntent?: string | undefined;
}

interface Row {
  id: string;
  user_id: string;
  device_id: string;
  plan_id: string;
  package_code: string;
  price_minor: number;
  currency: string;
  duration_days: number;
  capabilities: Capability[];
  iccid: string | null;
  status: PurchaseStatus;
  resume_status: PurchaseStatus | null;
  stripe_session_id: string | null;
  payment_intent: string | null;
  refunded_minor: number;
  carrier_order_id: string | null;
  order_tried_at: Date | null;
  checked_at: Date | null;
  paid_at: Date | null;
  activated_at: Date | null;
  ends_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

export class KnexPurchaseRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(
    purchase: Pick<Purchase, 'userId' | 'deviceId' | 'iccid'> & { plan: DataPlan; now: Date },
  ): Promise<Purchase> {
    const { userId, deviceId, iccid, plan, now } = purchase;
    const [row] = await this.#db('data_plan_purchases')
      .insert({
        user_id: userId,
        device_id: deviceId,
        plan_id: plan.planId,
        package_code: plan.packageCode,
        price_minor: plan.priceMinor,
        currency: plan.currency,
        duration_days: plan.durationDays,
        capabilities: plan.capabilities,
        iccid: iccid ?? null,
        created_at: now,
        updated_at: now,
      })
      .returning<Row[]>('*');
    if (row === undefined) throw new Error('the purchase was not stored');
    return toPurchase(row);
  }

  async find(id: string): Promise<Purchase | undefined> {
    const row = await this.#db<Row>('data_plan_purchases').where({ id }).first();
    return row && toPurchase(row);
  }

  /** The purchase, locked until the transaction ends: what happens to it happens one after the other. */
  async lock(reference: PurchaseReference): Promise<Purchase | undefined> {
    const { id, stripeSessionId, paymentIntent } = reference;
    const query = this.#db<Row>('data_plan_purchases').forUpdate().orderBy('created_at').limit(1);
    const row = await query.where((either) => {
      either.whereRaw('false');
      if (id !== undefined) either.orWhere({ id });
      if (stripeSessionId !== undefined) either.orWhere({ stripe_session_id: stripeSessionId });
      if (paymentIntent !== undefined) either.orWhere({ payment_intent: paymentIntent });
    });
    return row[0] && toPurchase(row[0]);
  }

  async update(purchase: Purchase): Promise<void> {
    await this.#db('data_plan_purchases').where({ id: purchase.id }).update(toChanges(purchase));
  }

  /** Newest first, those older than the one named. */
  async list(
    userId: string,
    { after, limit }: { after: Position | undefined; limit: number },
  ): Promise<(Purchase & { planName: string })[]> {
    const query = this.#db('data_plan_purchases as p')
      .join('data_plans as d', 'd.plan_id', 'p.plan_id')
      .where({ 'p.user_id': userId })
      .select<(Row & { plan_name: string })[]>('p.*', 'd.name as plan_name')
      .orderBy([
        { column: 'p.created_at', order: 'desc' },
        { column: 'p.id', order: 'desc' },
      ])
      .limit(limit);
    if (after) query.whereRaw('(p.created_at, p.id) < (?, ?)', [after.at, after.key]);
    return (await query).map((row) => ({ ...toPurchase(row), planName: row.plan_name }));
  }

  /**
   * Ids of those that a notice of the carrier may be about, while anything can still change: the one that is named, or,
   * when none is found by name, all of the card.
   */
  async findIdsAbout(about: {
    id?: string | undefined;
    carrierOrderId?: string | undefined;
    iccid?: string | undefined;
  }): Promise<string[]> {
    const { id, carrierOrderId, iccid } = about;
    const names = { id, carrier_order_id: carrierOrderId };
    for (const [column, value] of [...Object.entries(names), ['iccid', iccid] as const]) {
      if (value === undefined) continue;
      const rows = await this.#db<Row>('data_plan_purchases')
        .whereIn('status', [...openStatuses])
        .where(column, value)
        .orderBy('created_at')
        .select('id');
      if (rows.length > 0) return rows.map((row) => row.id);
    }
    return [];
  }

  /** Those of these states that nobody looked at since, the longest first. */
  async listIdle(
    statuses: readonly PurchaseStatus[],
    { since, limit }: { since: Date; limit: number },
  ): Promise<Purchase[]> {
    const lookedAt = 'greatest(updated_at, checked_at)';
    const rows = await this.#db<Row>('data_plan_purchases')
      .whereIn('status', [...statuses])
      .whereRaw(`${lookedAt} <= ?`, [since])
      .orderByRaw(lookedAt)
      .limit(limit);
    return rows.map(toPurchase);
  }

  /** Paid ones without a SIM card. */
  async listUnassigned(limit: number): Promise<Purchase[]> {
    const rows = await this.#db<Row>('data_plan_purchases')
      .where({ status: 'pending_assignment', iccid: null })
      .orderBy('created_at')
      .limit(limit);
    return rows.map(toPurchase);
  }

  /** Active ones whose time is over. */
  async listOver(now: Date, limit: number): Promise<Purchase[]> {
    const rows = await this.#db<Row>('data_plan_purchases')
      .whereRaw(`coalesce(resume_status, status) = 'active'`)
      .where('ends_at', '<=', now)
      .orderBy('ends_at')
      .limit(limit);
    return rows.map(toPurchase);
  }
}

/** Where the carrier still has a say. */
const openStatuses: readonly PurchaseStatus[] = [
  'pending_assignment',
  'paid',
  'ordering',
  'active',
  'disputed',
];

function toPurchase(row: Row): Purchase {
  return {
    id: row.id,
    userId: row.user_id,
    deviceId: row.device_id,
    planId: row.plan_id,
    packageCode: row.package_code,
    priceMinor: row.price_minor,
    currency: row.currency,
    durationDays: row.duration_days,
    capabilities: row.capabilities,
    iccid: row.iccid ?? undefined,
    status: row.status,
    resumeStatus: row.resume_status ?? undefined,
    stripeSessionId: row.stripe_session_id ?? undefined,
    paymentIntent: row.payment_intent ?? undefined,
    refundedMinor: row.refunded_minor,
    carrierOrderId: row.carrier_order_id ?? undefined,
    orderTriedAt: row.order_tried_at ?? undefined,
    checkedAt: row.checked_at ?? undefined,
    paidAt: row.paid_at ?? undefined,
    activatedAt: row.activated_at ?? undefined,
    endsAt: row.ends_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toChanges(purchase: Purchase) {
  return {
    iccid: purchase.iccid ?? null,
    status: purchase.status,
    resume_status: purchase.resumeStatus ?? null,
    stripe_session_id: purchase.stripeSessionId ?? null,
    payment_intent: purchase.paymentIntent ?? null,
    refunded_minor: purchase.refundedMinor,
    carrier_order_id: purchase.carrierOrderId ?? null,
    order_tried_at: purchase.orderTriedAt ?? null,
    checked_at: purchase.checkedAt ?? null,
    paid_at: purchase.paidAt ?? null,
    activated_at: purchase.activatedAt ?? null,
    ends_at: purchase.endsAt ?? null,
    updated_at: purchase.updatedAt,
  };
}

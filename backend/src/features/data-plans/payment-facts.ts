import type { Database } from '../../db/database.ts';
import type { DisputeEvent, RefundEvent, RefundedTotalEvent } from '../webhooks/payment-event.ts';

/** What was ever said of one payment's refunds and disputes, in whatever order it came. */
export interface PaymentFacts {
  refundedMinor: number;
  dispute: 'none' | 'open' | 'won' | 'lost';
}

/**
 * Until the transaction ends nobody else notes a fact of this payment or says whose it is. Without it a refund that
 * finds no purchase and a checkout that finds no refund could both be stored, and never meet. Taken before the lock of
 * the purchase, always.
 */
export async function lockPayment(trx: Database, paymentIntent: string): Promise<void> {
  await trx.raw('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', [
    `data-plan-payment:${paymentIntent}`,
  ]);
}

/** A refund that failed stays so; a pending one counts, the money is on its way. */
export async function noteRefund(trx: Database, refund: RefundEvent, now: Date): Promise<void> {
  await trx.raw(
    `INSERT INTO data_plan_refunds AS stored (refund_id, payment_intent, kind, amount_minor, failed, updated_at)
     VALUES (:refundId, :paymentIntent, 'refund', :amountMinor, :failed, :now)
     ON CONFLICT (refund_id) DO UPDATE SET amount_minor = excluded.amount_minor,
       failed = stored.failed OR excluded.failed, updated_at = excluded.updated_at`,
    {
      refundId: refund.refundId,
      paymentIntent: refund.paymentIntent,
      amountMinor: refund.amountMinor,
      failed: refund.status === 'failed',
      now,
    },
  );
}

/** The later sum replaces the earlier one. */
export async function noteRefundedTotal(trx: Database, total: RefundedTotalEvent): Promise<void> {
  const { paymentIntent, amountMinor, at } = total;
  await trx.raw(
    `INSERT INTO data_plan_refunds AS stored (refund_id, payment_intent, kind, amount_minor, updated_at)
     VALUES (:id, :paymentIntent, 'total', :amountMinor, :at)
     ON CONFLICT (refund_id) DO UPDATE
       SET amount_minor = excluded.amount_minor, updated_at = excluded.updated_at
       WHERE stored.updated_at < excluded.updated_at
         OR (stored.updated_at = excluded.updated_at AND stored.amount_minor < excluded.amount_minor)`,
    { id: `total:${paymentIntent}`, paymentIntent, amountMinor, at },
  );
}

/** What is decided stays decided, though the opening is heard of later. */
export async function noteDispute(trx: Database, dispute: DisputeEvent, now: Date): Promise<void> {
  const { disputeId, paymentIntent, status } = dispute;
  await trx.raw(
    `INSERT INTO data_plan_disputes AS stored (dispute_id, payment_intent, outcome, updated_at)
     VALUES (:disputeId, :paymentIntent, :status, :now)
     ON CONFLICT (dispute_id) DO UPDATE SET outcome = excluded.outcome, updated_at = excluded.updated_at
       WHERE stored.outcome = 'open'`,
    { disputeId, paymentIntent, status, now },
  );
}

/** Stripe's own sum counts refunds that failed afterwards, so these are taken off. */
export async function readPaymentFacts(trx: Database, paymentIntent: string): Promise<PaymentFacts> {
  const refunds = await trx('data_plan_refunds')
    .where({ payment_intent: paymentIntent })
    .select<{ kind: 'refund' | 'total'; amount_minor: number; failed: boolean }[]>();
  const disputes = await trx('data_plan_disputes')
    .where({ payment_intent: paymentIntent })
    .select<{ outcome: 'open' | 'won' | 'lost' }[]>('outcome');
  const sum = (wanted: (refund: (typeof refunds)[number]) => boolean): number =>
    refunds.filter(wanted).reduce((total, { amount_minor }) => total + amount_minor, 0);
  const failed = sum(({ failed }) => failed);
  const listed = sum(({ kind, failed }) => kind === 'refund' && !failed);
  const outcomes = disputes.map(({ outcome }) => outcome);
  return {
    refundedMinor: Math.max(listed, sum(({ kind }) => kind === 'total') - failed, 0),
    dispute: (['lost', 'open', 'won'] as const).find((outcome) => outcomes.includes(outcome)) ?? 'none',
  };
}

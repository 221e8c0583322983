import type { PurchaseView } from '@aovis/contracts/http/data-plans';
import type { Capability } from '@aovis/contracts/http/devices';
import { maskIccid } from '@aovis/contracts/ids';
import type { PurchaseState, PurchaseStatus } from './purchase-rules.ts';

/** A data plan that somebody bought, or is about to buy, for a device. */
export interface Purchase {
  id: string;
  userId: string;
  deviceId: string;
  planId: string;
  packageCode: string;
  priceMinor: number;
  currency: string;
  durationDays: number;
  capabilities: Capability[];
  iccid: string | undefined;
  status: PurchaseStatus;
  /** While disputed: where it goes on when the dispute is won. */
  resumeStatus: PurchaseStatus | undefined;
  stripeSessionId: string | undefined;
  paymentIntent: string | undefined;
  /** All refunds together. */
  refundedMinor: number;
  carrierOrderId: string | undefined;
  /** When an order was first sent to the carrier: from then on it is asked before another one goes out. */
  orderTriedAt: Date | undefined;
  /** When the carrier was last asked about it. */
  checkedAt: Date | undefined;
  paidAt: Date | undefined;
  activatedAt: Date | undefined;
  endsAt: Date | undefined;
  createdAt: Date;
  updatedAt: Date;
}

export function stateOf({ status, resumeStatus, paidAt }: Purchase): PurchaseState {
  return { status, resume: resumeStatus, wasPaid: paidAt !== undefined };
}

/** From its activation on, for as many days as were bought. */
export function windowFrom(activatedAt: Date, durationDays: number): { activatedAt: Date; endsAt: Date } {
  return { activatedAt, endsAt: new Date(activatedAt.getTime() + durationDays * 86_400_000) };
}

export function toPurchaseView(purchase: Purchase & { planName: string }): PurchaseView {
  return {
    purchase_id: purchase.id,
    plan_id: purchase.planId,
    plan_name: purchase.planName,
    device_id: purchase.deviceId,
    iccid: purchase.iccid === undefined ? null : maskIccid(purchase.iccid),
    status: purchase.status,
    price_minor: purchase.priceMinor,
    currency: purchase.currency,
    refunded_minor: purchase.refundedMinor,
    created_at: purchase.createdAt.toISOString(),
    paid_at: purchase.paidAt?.toISOString() ?? null,
    activated_at: purchase.activatedAt?.toISOString() ?? null,
    ends_at: purchase.endsAt?.toISOString() ?? null,
  };
}

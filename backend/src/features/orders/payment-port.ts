import type { OrderItem } from './order.ts';

export interface CheckoutRequest {
  orderId: string;
  userId: string | undefined;
  currency: string;
  items: readonly OrderItem[];
  expiresAt: Date;
}

export interface RefundRequest {
  /** Ours; the same one is carried out once. */
  requestId: string;
  orderId: string;
  paymentIntent: string;
  amountMinor: number;
}

/** `refused`: the provider will never do it, e.g. because nothing is left to refund. */
export type RefundOutcome =
  | { kind: 'accepted'; refundId: string; status: 'pending' | 'succeeded' | 'failed' }
  | { kind: 'refused'; reason: string };

/** Who takes the money. All three may be asked again with the same arguments; the effect is that of once. */
export interface PaymentProvider {
  /** @throws AppError payment_provider_unavailable */
  openCheckout(request: CheckoutRequest): Promise<{ sessionId: string; url: string }>;
  /**
   * Makes sure that nobody can pay the session any more. `completed`: somebody has, or is about to; the provider will
   * report it. @throws AppError payment_provider_unavailable
   */
  closeCheckout(sessionId: string): Promise<'closed' | 'completed'>;
  /** @throws AppError payment_provider_unavailable */
  refund(request: RefundRequest): Promise<RefundOutcome>;
}

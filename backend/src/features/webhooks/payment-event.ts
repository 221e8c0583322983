/** What a payment provider says, in our words. Amounts are in the smallest unit of the currency. */
export type PaymentEvent = CheckoutEvent | RefundEvent | RefundedTotalEvent | DisputeEvent;

/** News of a checkout session: one attempt to pay one order or purchase. */
export interface CheckoutEvent {
  kind: 'checkout';
  sessionId: string;
  /** What we wrote to the session when we made it: `type` says whose it is. */
  metadata: Readonly<Record<string, string>>;
  /**
   * `paid`: the money is there, or none is due. `processing`: given, but a slow method has not delivered yet.
   * `failed`: a slow method did not deliver. `expired`: nobody paid in time, and nobody can any more.
   */
  outcome: 'paid' | 'processing' | 'failed' | 'expired';
  /** Undefined when nothing was due or nobody paid. */
  paymentIntent: string | undefined;
  amountMinor: number;
  currency: string;
  email: string | undefined;
  /** Name and address to send goods to. */
  shipping: Readonly<Record<string, unknown>> | undefined;
}

/** State of one refund. Refunds carry no metadata but their own: whose payment it was is for us to know. */
export interface RefundEvent {
  kind: 'refund';
  refundId: string;
  paymentIntent: string;
  metadata: Readonly<Record<string, string>>;
  amountMinor: number;
  /** `succeeded` may still become `failed` when the customer's bank sends the money back. */
  status: 'pending' | 'succeeded' | 'failed';
}

/** The sum refunded of a payment so far, as of `at`: it replaces the sum before. */
export interface RefundedTotalEvent {
  kind: 'refunded_total';
  paymentIntent: string;
  metadata: Readonly<Record<string, string>>;
  amountMinor: number;
  at: Date;
}

export interface DisputeEvent {
  kind: 'dispute';
  disputeId: string;
  paymentIntent: string;
  status: DisputeStatus;
}

/** `won`: closed in our favour, an inquiry that came to nothing included. */
export type DisputeStatus = 'open' | 'lost' | 'won';

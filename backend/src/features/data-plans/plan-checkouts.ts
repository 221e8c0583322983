export interface PlanCheckoutRequest {
  purchaseId: string;
  userId: string;
  deviceId: string;
  planName: string;
  priceMinor: number;
  currency: string;
  /** Nobody can pay afterwards. */
  expiresAt: Date;
}

/** `accepted` also when the money went back before. */
export type PlanRefundOutcome = { kind: 'accepted' } | { kind: 'refused'; reason: string };

/** Who takes the money and gives it back. The same purchase again gets the same page. */
export interface PlanCheckouts {
  /** @throws AppError payment_provider_unavailable */
  openPlanCheckout(request: PlanCheckoutRequest): Promise<{ sessionId: string; url: string }>;
  /** Pays back what is left of a purchase's payment. Repeating it changes nothing. @throws AppError payment_provider_unavailable */
  refundPlan(refund: { purchaseId: string; paymentIntent: string }): Promise<PlanRefundOutcome>;
}

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

/** Who opens the payment page. The same purchase again gets the same page. */
export interface PlanCheckouts {
  /** @throws AppError payment_provider_unavailable */
  openPlanCheckout(request: PlanCheckoutRequest): Promise<{ sessionId: string; url: string }>;
}

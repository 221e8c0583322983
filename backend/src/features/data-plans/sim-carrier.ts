/** An order as the carrier knows it. `done`: used up, over, or refunded. */
export interface CarrierOrder {
  orderId: string | undefined;
  state: 'waiting' | 'in_use' | 'done';
}

/** Where packages are ordered. `outTradeNo` names an order on our side, at most 32 characters; one order each, ever. */
export interface SimCarrier {
  /**
   * @throws AppError sim_provider_error when the carrier refuses
   * @throws AppError service_unavailable when it does not answer; the order may have been placed then
   */
  placeOrder(
    order: { iccid: string; packageCode: string; outTradeNo: string },
    signal: AbortSignal,
  ): Promise<{ orderId: string | undefined }>;
  /**
   * Gives a package back: one that waits, or what is left of one in use.
   * @throws AppError sim_provider_error when the carrier refuses
   * @throws AppError service_unavailable when it does not answer; the package may have been given back then
   */
  cancelOrder(order: { iccid: string; orderId: string }, signal: AbortSignal): Promise<void>;
  /** @throws AppError sim_provider_error, service_unavailable */
  findOrder(outTradeNo: string, signal: AbortSignal): Promise<CarrierOrder | undefined>;
}

/** How a notice says which order or card it is about. */
export interface CarrierReference {
  iccid?: string | undefined;
  eid?: string | undefined;
  outTradeNo?: string | undefined;
  orderId?: string | undefined;
}

/** What the carrier told us by itself. Only a hint: whatever costs money or gives rights is asked for again. */
export interface CarrierNotice {
  /** The carrier's id of the notice; the same one counts once. */
  id: string;
  /** The carrier's name of its kind. */
  event: string;
  kind: 'usage_alert' | 'order_changed' | 'order_refunded' | 'card_stopped' | 'unknown';
  /** One or several, as the notice has them. */
  about: readonly CarrierReference[];
  alert?: 'below_100_mb' | 'below_10_percent' | 'below_7_days';
  /** The whole message without its signature. */
  kept: Record<string, unknown>;
}

/** Reads notices whose signature is good already. @throws AppError invalid_request */
export interface CarrierNotices {
  read(rawBody: Buffer): CarrierNotice;
}

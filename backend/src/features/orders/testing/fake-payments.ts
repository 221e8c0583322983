import { AppError } from '../../../kernel/errors.ts';
import type { CheckoutRequest, PaymentProvider, RefundOutcome, RefundRequest } from '../payment-port.ts';

/** Takes no money and forgets nothing. Each order gets the session `cs_test_<order id>`, each refund `re_<request id>`. */
export class FakePayments implements PaymentProvider {
  readonly checkouts: CheckoutRequest[] = [];
  readonly refunds: RefundRequest[] = [];
  readonly closed: string[] = [];
  /** While true nobody answers. */
  away = false;
  closing: 'closed' | 'completed' = 'closed';
  refundOutcome: RefundOutcome | undefined;

  async openCheckout(request: CheckoutRequest): Promise<{ sessionId: string; url: string }> {
    this.#answer();
    this.checkouts.push(request);
    const sessionId = `cs_test_${request.orderId}`;
    return { sessionId, url: `https://pay.example/${sessionId}` };
  }

  async closeCheckout(sessionId: string): Promise<'closed' | 'completed'> {
    this.#answer();
    this.closed.push(sessionId);
    return this.closing;
  }

  async refund(request: RefundRequest): Promise<RefundOutcome> {
    this.#answer();
    this.refunds.push(request);
    return (
      this.refundOutcome ?? { kind: 'accepted', refundId: `re_${request.requestId}`, status: 'succeeded' }
    );
  }

  #answer(): void {
    if (this.away) throw new AppError('payment_provider_unavailable', { retryAfterMs: 5_000 });
  }
}

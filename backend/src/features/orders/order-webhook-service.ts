import type { WebhookReceived } from '@aovis/contracts/http/webhooks';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { PaymentEvent } from '../webhooks/payment-event.ts';
import type { SignedWebhookService } from '../webhooks/signed-webhook-service.ts';
import { applyPaymentEvent } from './order-payments.ts';

interface ProviderEvent {
  id: string;
  type: string;
  livemode: boolean;
}

export interface OrderWebhookDependencies<Event extends ProviderEvent> {
  webhook: SignedWebhookService;
  clock: Clock;
  log: Logger;
  /** Of this shop: events of the other world are refused. */
  livemode: boolean;
  /** The event in our words; undefined when it concerns no payment. */
  read: (event: Event) => PaymentEvent | undefined;
}

/** Takes what the payment provider reports of orders. */
export class OrderWebhookService<Event extends ProviderEvent> {
  readonly #dependencies: OrderWebhookDependencies<Event>;

  constructor(dependencies: OrderWebhookDependencies<Event>) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError webhook_not_configured, invalid_signature */
  async assertSigned(
    request: { rawBody: Buffer; signature: string | undefined },
    requestId: string,
  ): Promise<void> {
    await this.#dependencies.webhook.assertSigned(request, requestId);
  }

  /** @throws AppError livemode_mismatch */
  async take(event: Event, requestId: string): Promise<WebhookReceived> {
    const { webhook, clock, log, livemode, read } = this.#dependencies;
    if (event.livemode !== livemode) {
      webhook.count('livemode_mismatch');
      log.error(
        { eventId: event.id, livemode: event.livemode },
        'a webhook of the other mode: check its address',
      );
      throw new AppError('livemode_mismatch');
    }
    return webhook.take(event, async (trx) => {
      const news = read(event);
      return news === undefined ? 'ignored' : applyPaymentEvent(trx, news, { clock, log, requestId });
    });
  }
}

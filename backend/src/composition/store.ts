import { isLiveKey } from '../config/config.ts';
import { catalogRoutes } from '../features/catalog/catalog-routes.ts';
import { CatalogService } from '../features/catalog/catalog-service.ts';
import { CheckoutService } from '../features/orders/checkout-service.ts';
import { orderOutboxHandlers } from '../features/orders/order-outbox.ts';
import { orderRoutes } from '../features/orders/order-routes.ts';
import { OrderService } from '../features/orders/order-service.ts';
import { OrderWebhookService } from '../features/orders/order-webhook-service.ts';
import { RefundService } from '../features/orders/refund-service.ts';
import { successPage } from '../features/orders/success-page.ts';
import { SignedWebhookService } from '../features/webhooks/signed-webhook-service.ts';
import { checkoutSuccessPagePath } from '../http/pages.ts';
import { readPaymentEvent } from '../stripe/stripe-events.ts';
import { StripeSignatures } from '../stripe/stripe-signatures.ts';
import type { Core, Feature } from './core.ts';

export function composeStore({ config, adapters, metrics }: Core): Feature {
  const { db, clock, log, mailer, payments } = adapters;
  const checkouts = new CheckoutService({ db, clock, payments });
  const webhook = new OrderWebhookService({
    webhook: new SignedWebhookService({
      db,
      clock,
      verifier: new StripeSignatures(),
      endpoint: 'stripe-orders',
      secret: config.stripeOrderWebhookSecret,
      onOutcome: (endpoint, outcome) => metrics.webhook(endpoint, outcome),
    }),
    clock,
    log: log.child({ part: 'orders' }),
    livemode: isLiveKey(config.stripeSecretKey),
    read: readPaymentEvent,
  });
  const orders = new OrderService({ db });
  const refunds = payments && new RefundService({ db, clock, payments });
  return {
    routes: [
      ...catalogRoutes(new CatalogService({ db, clock })),
      ...orderRoutes({ checkouts, orders, webhook }),
    ],
    pages: [successPage(orders, { path: checkoutSuccessPagePath, publicUrl: config.publicUrl })],
    outboxHandlers: orderOutboxHandlers({ db, checkouts, refunds, mailer }),
  };
}

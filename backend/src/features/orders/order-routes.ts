import { createCheckout, getCheckoutSuccess, receiveStripeOrderEvent } from '@aovis/contracts/http/store';
import { type StripeEvent, stripeSignatureHeader } from '@aovis/contracts/http/webhooks';
import { handle, type Route } from '../../http/route.ts';
import type { CheckoutService } from './checkout-service.ts';
import type { OrderService } from './order-service.ts';
import type { OrderWebhookService } from './order-webhook-service.ts';

export interface OrderRouteDependencies {
  checkouts: CheckoutService;
  orders: OrderService;
  webhook: OrderWebhookService<StripeEvent>;
}

export function orderRoutes({ checkouts, orders, webhook }: OrderRouteDependencies): Route[] {
  return [
    handle(
      createCheckout,
      async ({ body, visitor, requestContext: { requestId } }) => {
        const items = body.items.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity }));
        const opened = await checkouts.checkout({ items, userId: visitor?.id, requestId });
        return {
          status: 201,
          body: {
            order_id: opened.orderId,
            url: opened.url,
            expires_at: opened.expiresAt.toISOString(),
          },
        };
      },
      { limits: ['checkout'], idempotent: true },
    ),
    handle(getCheckoutSuccess, async ({ query, visitor }) => ({
      status: 200,
      body: await orders.getCheckoutStatus(query.session_id, visitor?.id),
      headers: { 'Referrer-Policy': 'no-referrer' },
    })),
    handle(
      receiveStripeOrderEvent,
      async ({ body, requestContext: { requestId } }) => ({
        status: 200,
        body: await webhook.take(body, requestId),
      }),
      {
        before: (context) =>
          webhook.assertSigned(
            { rawBody: context.rawBody, signature: context.header(stripeSignatureHeader) },
            context.requestId,
          ),
      },
    ),
  ];
}

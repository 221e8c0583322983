import StripeClient from 'stripe';
import type { Environment } from '../../kernel/service.ts';
import { callAdmin } from '../../kernel/testing/call-admin.ts';
import { createTestEnvironment } from '../../kernel/testing/test-environment.ts';
import { WebhookReceiver } from '../../kernel/testing/webhook-receiver.ts';
import { Stripe } from '../server.ts';

export const webhookSecret = 'whsec_secretOfTheTestEndpoint';

/** The stand-in, Stripe's own library as its client, and one webhook receiver. */
export interface StripeCloud {
  environment: Environment;
  stripe: Stripe;
  client: StripeClient;
  receiver: WebhookReceiver;
  admin<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** A session of 2 × 149.00 for an order. */
  createSession(
    more?: StripeClient.Checkout.SessionCreateParams,
    options?: StripeClient.RequestOptions,
  ): Promise<StripeClient.Checkout.Session>;
  /** Restarts the stand-in over the same state. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startStripeCloud(): Promise<StripeCloud> {
  const environment = await createTestEnvironment();
  const receiver = await new WebhookReceiver().start();
  const make = (port: number) => new Stripe(environment, { port, backOffMs: () => 1 });
  const connect = (port: number) =>
    new StripeClient('sk_test_local', {
      apiVersion: '2026-10-28.endive',
      host: '127.0.0.1',
      port,
      protocol: 'http',
      maxNetworkRetries: 2,
      telemetry: false,
    });
  const first = make(0);
  await first.start();
  const cloud: StripeCloud = {
    environment,
    receiver,
    stripe: first,
    client: connect(first.port),
    admin: (method, path, body) => callAdmin(cloud.stripe, method, `/_local/stripe/${path}`, body),
    createSession: (more = {}, options = {}) =>
      cloud.client.checkout.sessions.create(
        {
          mode: 'payment',
          line_items: [
            {
              price_data: {
                currency: 'usd',
                unit_amount: 14_900,
                product_data: { name: 'AOVIS N4K camera', metadata: { sku: 'n4k' } },
              },
              quantity: 2,
            },
          ],
          success_url: 'http://localhost:3000/checkout/success?session_id={CHECKOUT_SESSION_ID}',
          cancel_url: 'http://localhost:3000/cart',
          client_reference_id: 'user-1',
          customer_email: 'buyer@example.com',
          metadata: { type: 'order', purchase_id: 'p-1' },
          payment_intent_data: { metadata: { type: 'order', purchase_id: 'p-1' } },
          ...more,
        },
        options,
      ),
    restart: async () => {
      const { port } = cloud.stripe;
      await cloud.stripe.stop();
      cloud.stripe = make(port);
      await cloud.stripe.start();
    },
    stop: async () => {
      await cloud.stripe.stop();
      await receiver.stop();
      environment.dispose();
    },
  };
  await cloud.admin('PUT', 'webhook-endpoints/orders', { url: receiver.url, secret: webhookSecret });
  return cloud;
}

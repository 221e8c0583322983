import { createServer, type Server } from 'node:http';
import { Writable } from 'node:stream';
import Stripe from 'stripe';
import request from 'supertest';
import { createApp } from '../app.ts';
import { type Backend, composeBackend } from '../compose.ts';
import { loadConfig } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { signedNotice } from '../eiotclub/testing/signed-notice.ts';
import type {
  PlanCheckoutRequest,
  PlanCheckouts,
  PlanRefundOutcome,
} from '../features/data-plans/plan-checkouts.ts';
import type { SimCarrier } from '../features/data-plans/sim-carrier.ts';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { fakeAdapters } from './fake-adapters.ts';
import { testEnvironment } from './test-environment.ts';

export const planWebhookSecret = 'whsec_canary41d7c0e5b8f29a63';
export const carrierSecret = 'canary-carrier-9e1f7c84a63d';
export const cronSecret = 'canary-cron-0b7mSg1vWb0pY0h1dQ6r2s9tUuVw';

/** Opens pages, or is out of reach. */
export class FakePlanCheckouts implements PlanCheckouts {
  readonly opened: PlanCheckoutRequest[] = [];
  readonly refunded: { purchaseId: string; paymentIntent: string }[] = [];
  isDown = false;

  async openPlanCheckout(checkout: PlanCheckoutRequest): Promise<{ sessionId: string; url: string }> {
    if (this.isDown) throw new AppError('payment_provider_unavailable');
    this.opened.push(checkout);
    const sessionId = `cs_test_${checkout.purchaseId.replaceAll('-', '')}`;
    return { sessionId, url: `https://pay.example/${sessionId}` };
  }

  async refundPlan(refund: { purchaseId: string; paymentIntent: string }): Promise<PlanRefundOutcome> {
    if (this.isDown) throw new AppError('payment_provider_unavailable');
    this.refunded.push(refund);
    return { kind: 'accepted' };
  }
}

export interface DataPlanApp {
  server: Server;
  backend: Backend;
  clock: FakeClock;
  checkouts: FakePlanCheckouts;
  logged(): string;
  /** Sends an event as Stripe does, signed by Stripe's own library. */
  deliver(event: { id: string; type: string; object: Record<string, unknown> }): request.Test;
  /** Sends a notification as the carrier does. */
  notify(fields: Record<string, unknown>): request.Test;
}

/** One instance of the backend as it is composed; `Authorization: Bearer <user id>` signs in. */
export function createDataPlanApp(
  db: Database,
  databaseUrl: string,
  { carrier, environment = {} }: { carrier?: SimCarrier; environment?: Record<string, string> } = {},
): DataPlanApp {
  const clock = new FakeClock('2026-03-01T08:00:00Z');
  const checkouts = new FakePlanCheckouts();
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const log = createLogger({ level: 'debug', destination });
  const config = loadConfig({
    ...testEnvironment(databaseUrl),
    AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET: planWebhookSecret,
    EIOTCLUB_WEBHOOK_SECRET: carrierSecret,
    CRON_SECRET: cronSecret,
    ...environment,
  });
  const backend = composeBackend(config, fakeAdapters({ db, clock, log, planCheckouts: checkouts, carrier }));
  const app = createApp({
    config,
    db,
    clock,
    log,
    routes: backend.routes,
    authenticate: async (context) => {
      const [, id] = /^Bearer ([0-9a-f-]{36})$/.exec(context.header('authorization') ?? '') ?? [];
      if (id === undefined) throw new AppError('unauthorized');
      return { id, sessionId: 'b1f7e1d4-0d0e-4b57-8c8b-5f5b0a2f7c11', role: 'user' };
    },
  });
  const server = createServer(app);
  const nowSeconds = (): number => clock.now().getTime() / 1_000;
  const post = (path: string, body: string) =>
    request(server).post(path).set('Content-Type', 'application/json').serialize(String).send(body);
  return {
    server,
    backend,
    clock,
    checkouts,
    logged: () => lines.join(''),
    deliver: ({ id, type, object }) => {
      const payload = JSON.stringify({
        id,
        type,
        created: nowSeconds(),
        livemode: false,
        data: { object },
      });
      const header = Stripe.webhooks.generateTestHeaderString({
        payload,
        secret: planWebhookSecret,
        timestamp: nowSeconds(),
      });
      return post('/api/webhooks/data-plan', payload).set('Stripe-Signature', header);
    },
    notify: (fields) =>
      post(
        '/api/webhooks/eiotclub',
        signedNotice({ timestamp: nowSeconds(), nonce: 24523, ...fields }, carrierSecret),
      ),
  };
}

import { createServer, type Server } from 'node:http';
import { Writable } from 'node:stream';
import { catalogFileSchema } from '@aovis/contracts/http/store';
import Stripe from 'stripe';
import request from 'supertest';
import { createApp } from '../app.ts';
import { type Backend, composeBackend } from '../compose.ts';
import type { Adapters } from '../composition/adapters.ts';
import { loadConfig } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { KnexCatalogRepository } from '../features/catalog/catalog-repository.ts';
import { FakePayments } from '../features/orders/testing/fake-payments.ts';
import type { EventJson } from '../features/orders/testing/stripe-events.ts';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { FakeMailer } from './backend-under-test.ts';
import { fakeAdapters } from './fake-adapters.ts';
import { testEnvironment } from './test-environment.ts';

export const orderWebhookSecret = 'whsec_canary9f27c1d05e8b4a63';

export interface StoreApp {
  backend: Backend;
  server: Server;
  clock: FakeClock;
  payments: FakePayments;
  mailer: FakeMailer;
  /** All log lines so far, as one text. */
  logged(): string;
  /** Sends the event as Stripe does, signed by Stripe's own library. */
  deliver(event: EventJson): request.Test;
}

/**
 * The backend as it is composed, over a real database and a faked payment provider, but `Authorization: Bearer
 * <user id>` signs in. One instance of it; several may share a database.
 */
export function createStoreApp(
  db: Database,
  databaseUrl: string,
  environment: Record<string, string> = {},
  adapters: Partial<Adapters> = {},
): StoreApp {
  const clock = new FakeClock();
  const payments = new FakePayments();
  const mailer = new FakeMailer();
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
    AOVIS_STRIPE_WEBHOOK_SECRET: orderWebhookSecret,
    ...environment,
  });
  const backend = composeBackend(config, fakeAdapters({ db, clock, log, payments, mailer, ...adapters }));
  const app = createApp({
    config,
    db,
    clock: adapters.clock ?? clock,
    log,
    routes: backend.routes,
    pages: backend.pages,
    authenticate: async (context) => {
      const [, id] = /^Bearer ([0-9a-f-]{36})$/.exec(context.header('authorization') ?? '') ?? [];
      if (id === undefined) throw new AppError('unauthorized');
      return { id, sessionId: 'b1f7e1d4-0d0e-4b57-8c8b-5f5b0a2f7c11', role: 'user' };
    },
  });
  const server = createServer(app);
  const deliver = (event: EventJson): request.Test => {
    const payload = JSON.stringify(event);
    const timestamp = clock.now().getTime() / 1_000;
    const header = Stripe.webhooks.generateTestHeaderString({
      payload,
      secret: orderWebhookSecret,
      timestamp,
    });
    return request(server)
      .post('/api/stripe/webhook')
      .set('Stripe-Signature', header)
      .set('Content-Type', 'application/json; charset=utf-8')
      .send(payload);
  };
  return { backend, server, clock, payments, mailer, logged: () => lines.join(''), deliver };
}

/** Puts one product into the shop, of which `stock` pieces exist. Returns the id of its variant. */
export async function seedVariant(
  db: Database,
  sku: string,
  change: { stock?: number; price_minor?: number; currency?: string } = {},
): Promise<string> {
  const slug = sku.toLowerCase();
  const variant = { sku, name: 'White', price_minor: 19_900, currency: 'usd', stock: 5, ...change };
  const file = catalogFileSchema.parse({
    products: [{ slug, name: 'AOVIS N4K', description: 'A camera.', variants: [variant] }],
  });
  for (const product of file.products) await new KnexCatalogRepository(db).save(product, 0, new Date());
  const row = await db('product_variants').where({ sku }).first<{ id: string }>('id');
  return row.id;
}

/** Pieces in the warehouse, and how many of them open orders hold. */
export async function stockOf(db: Database, variantId: string): Promise<{ stock: number; reserved: number }> {
  return db('product_variants')
    .where({ id: variantId })
    .first<{ stock: number; reserved: number }>('stock', 'reserved');
}

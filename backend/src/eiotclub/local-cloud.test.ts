import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createApp } from '../app.ts';
import { type LocalCloud, startLocalCloud } from '../aws/testing/local-cloud.ts';
import { type Backend, composeBackend } from '../compose.ts';
import { type Adapters, productionAdapters } from '../composition/adapters.ts';
import { loadConfig } from '../config/config.ts';
import { KnexDataPlanRepository } from '../features/data-plans/data-plan-repository.ts';
import { outTradeNoOf } from '../features/data-plans/purchase-rules.ts';
import { plan } from '../features/data-plans/testing/seed.ts';
import { seedBoard, seedOwnership, seedUser } from '../features/devices/testing/seed.ts';
import { InventoryService } from '../features/sim/inventory-service.ts';
import { createLogger } from '../kernel/logger.ts';
import { cronSecret } from '../testing/data-plan-app.ts';
import { testEnvironment } from '../testing/test-environment.ts';
import { EiotclubCarrier } from './eiotclub-carrier.ts';

const stripeSecret = 'whsec_0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const carrierSecret = 'notices-of-this-test-81c7';
const iccid = '8944500102198304826';

/** The real adapters against the stand-ins of Stripe and the carrier, both as a process of their own. */
describe('data plans, from the payment page to the card', () => {
  let database: TestDatabase;
  let cloud: LocalCloud;
  let adapters: Adapters;
  let backend: Backend;
  let server: Server;
  let url: string;
  let owner: string;
  let deviceId: string;
  let listener: Client;
  let moved = Promise.withResolvers<void>();

  beforeAll(async () => {
    [database, cloud] = await Promise.all([createTestDatabase(), startLocalCloud()]);
    const config = loadConfig({
      ...testEnvironment(database.url),
      AOVIS_STRIPE_SECRET_KEY: `sk_test_${'0a1B2c3D'.repeat(4)}`,
      AOVIS_STRIPE_URL: cloud.stripeUrl,
      AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET: stripeSecret,
      EIOTCLUB_APP_KEY: '000001',
      EIOTCLUB_SECRET: 'calls-of-this-test-5d20',
      EIOTCLUB_BASE_URL: cloud.eiotclubUrl,
      EIOTCLUB_WEBHOOK_SECRET: carrierSecret,
      CRON_SECRET: cronSecret,
    });
    const log = createLogger({ level: 'silent' });
    adapters = productionAdapters(config, log);
    backend = composeBackend(config, adapters);
    const { db, clock } = adapters;
    const authenticate = async () => ({ id: owner, sessionId: 's', role: 'user' as const });
    server = createServer(createApp({ config, db, clock, log, authenticate, routes: backend.routes }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await backend.start();
    await setUpPartners();
    await listenForMoves();
    owner = await seedUser(db);
    deviceId = await seedBoard(db, { iccid });
    await seedOwnership(db, { userId: owner, deviceId });
    await new KnexDataPlanRepository(db).save([plan], clock.now());
  }, 60_000);
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await backend.stop();
    await listener.end();
    await adapters.close();
    await cloud.stop();
    await database.drop();
  });

  async function listenForMoves(): Promise<void> {
    await adapters.db.raw(`
      CREATE FUNCTION announce_move() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_notify('moved', ''); RETURN NULL; END $$;
      CREATE TRIGGER moved AFTER UPDATE ON data_plan_purchases FOR EACH STATEMENT EXECUTE FUNCTION announce_move();
      CREATE TRIGGER handled AFTER DELETE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION announce_move();
    `);
    listener = new Client({ connectionString: database.url });
    listener.on('notification', () => {
      moved.resolve();
      moved = Promise.withResolvers();
    });
    await listener.connect();
    await listener.query('LISTEN moved');
  }
  async function admin<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${cloud.adminUrl}/_local${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text || 'null') as Answer;
  }
  async function setUpPartners(): Promise<void> {
    await admin('PUT', '/stripe/webhook-endpoints/plans', {
      url: `${url}/api/webhooks/data-plan`,
      secret: stripeSecret,
    });
    await admin('PUT', '/eiotclub/account', {
      appKey: '000001',
      secret: 'calls-of-this-test-5d20',
      notifyUrl: `${url}/api/webhooks/eiotclub`,
      notifySecret: carrierSecret,
      effectiveAfterMs: null,
    });
    const offer = { packageName: plan.name, price: '4.20', megabytes: 5_120, days: 30 };
    await admin('PUT', `/eiotclub/packages/${plan.packageCode}`, offer);
    await admin('POST', '/eiotclub/cards', { cards: [{ iccid }] });
  }

  const call = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${cronSecret}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as Body;
  };
  const buyAndPay = async (): Promise<string> => {
    const order = { plan_id: plan.planId, device_id: deviceId };
    const bought = await call<{ purchase_id: string; checkout_url: string }>(
      'POST',
      '/api/checkout/data-plan',
      order,
    );
    const [sessionId] = /cs_\w+/.exec(bought.checkout_url) ?? [];
    await admin('POST', `/stripe/sessions/${sessionId}/pay`, { attempt: 'card' });
    return bought.purchase_id;
  };
  /** Looks again after each change of a purchase. */
  const reaches = async (id: string, wanted: string): Promise<void> => {
    for (;;) {
      const next = moved.promise;
      const { purchases } = await call<{ purchases: { purchase_id: string; status: string }[] }>(
        'GET',
        '/api/account/purchases',
      );
      if (purchases.some(({ purchase_id, status }) => purchase_id === id && status === wanted)) return;
      await next;
    }
  };
  const carrierOrder = async (id: string): Promise<{ orderId: number }> => {
    type Cards = { orders: { orderId: number; outTradeNo: string }[] };
    const { orders } = await admin<Cards>('GET', '/eiotclub/cards');
    const own = orders.filter(({ outTradeNo }) => outTradeNo === outTradeNoOf(id));
    expect(own).toHaveLength(1);
    return own[0] as { orderId: number };
  };
  /** The bank took the money: what is left of the package goes back to the carrier. */
  const isCancelled = async (id: string): Promise<void> => {
    for (;;) {
      const next = moved.promise;
      const noted = await adapters
        .db('audit_log')
        .where({ action: 'data_plan.cancel', subject_id: id })
        .pluck('outcome');
      if (noted.length > 0) return expect(noted).toEqual(['ok']);
      await next;
    }
  };
  const rights = async (id: string) =>
    (await adapters.db('entitlements').where({ purchase_id: id }).orderBy('capability')).map(
      ({ status }: { status: string }) => status,
    );

  it('are paid, ordered once though the answer is lost, come into use, and are taken back when disputed', async () => {
    await admin('POST', '/faults', {
      service: 'eiotclub',
      operation: 'package/orderPackage',
      effect: { kind: 'lose-answer' },
      times: 1,
    });
    const id = await buyAndPay();
    await reaches(id, 'ordering');
    expect(await rights(id)).toEqual([]);
    const { orderId } = await carrierOrder(id);

    await admin('POST', `/eiotclub/orders/${orderId}/effective`);
    await reaches(id, 'active');
    expect(await rights(id)).toEqual(['active', 'active']);

    const { payment_intent } = await adapters.db('data_plan_purchases').where({ id }).first();
    const dispute = await admin<{ id: string }>('POST', '/stripe/disputes', { payment_intent });
    await reaches(id, 'disputed');
    expect(await rights(id)).toEqual(['suspended', 'suspended']);
    await admin('POST', `/stripe/disputes/${dispute.id}/close`, { outcome: 'lost' });
    await reaches(id, 'refunded');
    expect(await rights(id)).toEqual(['revoked', 'revoked']);
    await isCancelled(id);
  }, 30_000);

  it('are found in use by reconciliation when the notification never came', async () => {
    await admin('PUT', '/eiotclub/delivery', { paused: true });
    const id = await buyAndPay();
    await reaches(id, 'ordering');
    const { orderId } = await carrierOrder(id);
    await admin('POST', `/eiotclub/orders/${orderId}/effective`);
    const longAgo = new Date(Date.now() - 10 * 60_000);
    await adapters
      .db('data_plan_purchases')
      .where({ id })
      .update({ updated_at: longAgo, checked_at: longAgo });
    expect(await call('POST', '/api/cron/eiotclub-reconcile')).toMatchObject({ refreshed: 1 });
    await reaches(id, 'active');
    await admin('PUT', '/eiotclub/delivery', { paused: false });
  }, 30_000);

  it('go into cards that the carrier lists', async () => {
    const { db, clock, carrier } = adapters;
    if (!(carrier instanceof EiotclubCarrier)) throw new Error('no carrier is configured');
    const inventory = new InventoryService({ db, clock });
    const { signal } = new AbortController();
    const result = await inventory.sync(carrier, { dryRun: false, signal });
    expect(result).toMatchObject({ changed: 1, missing: 0, conflicts: [] });
    expect(await db('sims').where({ iccid }).first()).toMatchObject({ status: 'active' });
  });
});

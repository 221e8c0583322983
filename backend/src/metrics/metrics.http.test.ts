import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import request from 'supertest';
import { openDatabase } from '../db/database.ts';
import { enqueue } from '../outbox/outbox.ts';
import { createStoreApp, type StoreApp } from '../testing/store-app.ts';
import { addDatabaseMetrics } from './database-metrics.ts';
import { readExposition } from './testing/exposition.ts';

describe('the metrics', () => {
  let database: TestDatabase;
  let app: StoreApp;
  let url: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createStoreApp(database.knex, database.url, { AOVIS_METRICS_PORT: '0' });
    await app.backend.start();
    const lines = app.logged().trim().split('\n');
    url =
      lines
        .map((line) => JSON.parse(line) as { message: string; url: string })
        .find(({ message }) => message === 'metrics')?.url ?? '';
  });
  afterAll(async () => {
    await app.backend.stop();
    await database.drop();
  });

  const scrape = async (): Promise<ReturnType<typeof readExposition>> => {
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    return readExposition(await response.text());
  };

  it('count requests by route template, status and code, never by what people typed', async () => {
    await request(app.backend.app).get('/api/store/products');
    await request(app.backend.app).get('/api/devices/secret-of-somebody');
    await request(app.backend.app).get('/no/such/place');
    const samples = await scrape();
    const count = (route: string, status: string): number | undefined =>
      samples.find(
        ({ name, labels }) =>
          name === 'aovis_http_request_seconds_count' && labels.route === route && labels.status === status,
      )?.value;
    expect(count('/api/store/products', '200')).toBe(1);
    expect(count('/api/devices/:id', '401')).toBe(1);
    expect(count('none', '404')).toBe(1);
    expect(samples).toContainEqual({
      name: 'aovis_http_refusals_total',
      labels: { code: 'unauthorized' },
      value: 1,
    });
    expect(JSON.stringify(samples)).not.toContain('secret-of-somebody');
  });

  it('count webhooks by what became of them', async () => {
    const event = {
      id: 'evt_1',
      type: 'customer.created',
      created: 1,
      livemode: false,
      data: { object: {} },
    };
    await app.deliver(event as never);
    await app.deliver(event as never);
    await request(app.backend.app).post('/api/stripe/webhook').set('Stripe-Signature', 't=1,v1=00').send({});
    const webhooks = (await scrape()).filter(({ name }) => name === 'aovis_webhook_events_total');
    const outcome = (name: string) => ({ labels: { endpoint: 'stripe-orders', outcome: name }, value: 1 });
    expect(webhooks.map(({ labels, value }) => ({ labels, value }))).toEqual(
      expect.arrayContaining([outcome('ignored'), outcome('duplicate'), outcome('refused')]),
    );
  });

  it('show what waits in the outbox and in the pool, and how the process is', async () => {
    await enqueue(database.knex, { topic: 'nobody.listens', key: randomUUID(), payload: {} });
    const samples = await scrape();
    const value = (name: string, state?: string): number | undefined =>
      samples.find((sample) => sample.name === name && sample.labels.state === state)?.value;
    expect(value('aovis_outbox_messages', 'waiting')).toBe(1);
    expect(value('aovis_outbox_messages', 'dead')).toBe(0);
    expect(value('aovis_outbox_oldest_seconds')).toBeGreaterThanOrEqual(0);
    expect(value('aovis_database_connections', 'awaited')).toBe(0);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  });

  it('go on while the database is away, without what only it knows', async () => {
    const away = openDatabase({ url: database.url.replace(/:\d+\//, ':1/'), poolSize: 1 });
    const registry = new Registry();
    const requests = new Counter({ name: 'requests', help: 'requests', registers: [registry] });
    requests.inc();
    addDatabaseMetrics(registry, away);
    const samples = readExposition(await registry.metrics());
    expect(samples).toContainEqual({ name: 'requests', labels: {}, value: 1 });
    expect(samples).toContainEqual({ name: 'aovis_database_reachable', labels: {}, value: 0 });
    expect(samples.filter(({ name }) => name.startsWith('aovis_outbox'))).toEqual([]);
    await away.destroy();
    expect(await scrape()).toContainEqual({ name: 'aovis_database_reachable', labels: {}, value: 1 });
  });

  it('are served nowhere else', async () => {
    expect((await request(app.backend.app).get('/metrics')).status).toBe(404);
    expect((await fetch(new URL('/', url))).status).toBe(404);
  });
});

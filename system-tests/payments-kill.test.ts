import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataOf } from '@aovis/api-client/api-error';
import { admin } from '@aovis/simulator/cloud-setup';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Customer } from './support/customer.ts';
import { killDatabase, query } from './support/database.ts';
import { RunningSystem } from './support/running-system.ts';

const orderCount = 24;
const stock = 100;

const catalog = {
  products: [
    {
      slug: 'n4k',
      name: 'AOVIS N4K',
      description: 'A camera.',
      variants: [{ sku: 'N4K-WHITE', name: 'White', price_minor: 19_900, currency: 'usd', stock }],
    },
  ],
};

interface Deliveries {
  deliveries: { state: 'waiting' | 'delivered' | 'abandoned' }[];
}

describe('payments reported while the database and the backend are killed', () => {
  let running: RunningSystem;
  let customer: Customer;
  const sessions: string[] = [];

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 0, backendSettings: { AOVIS_TRUST_PROXY: '1' } });
    const { system } = running;
    const file = join(system.folder.root, 'catalog.json');
    writeFileSync(file, JSON.stringify(catalog));
    await system.backendCli('products', 'import', '--file', file);
    customer = await Customer.signIn(system.endpoints, system.backendUrl, 'buyer');
    const api = customer.at(system.backendUrl);
    const { products } = dataOf(await api.GET('/api/store/products'));
    const variantId = products[0]?.variants[0]?.id ?? '';
    for (let order = 0; order < orderCount; order++) {
      const body = { items: [{ variant_id: variantId, quantity: 1 }] };
      const { url } = dataOf(await api.POST('/api/checkout', { body }));
      sessions.push(/cs_\w+/.exec(url)?.[0] ?? '');
    }
  }, 120_000);
  afterAll(async () => {
    await running?.stop();
  });

  const pay = async (session: string): Promise<void> => {
    await admin(running.system.endpoints, 'POST', `/_local/stripe/sessions/${session}/pay`, {
      attempt: 'card',
    });
  };

  it('are all booked, once each', async () => {
    const { system } = running;
    const third = orderCount / 3;
    await Promise.all(sessions.slice(0, third).map(pay));
    await killDatabase(system);
    await Promise.all(sessions.slice(third, 2 * third).map(pay));
    await system.startDatabase();
    await system.program('backend').kill();
    await Promise.all(sessions.slice(2 * third).map(pay));
    await system.startBackend();

    await waitFor('The booking of every order', async () => {
      const [row] = await query<{ paid: number }>(
        system.databaseUrl,
        `SELECT count(*)::int AS paid FROM orders WHERE status = 'paid'`,
      );
      return row?.paid === orderCount ? true : undefined;
    });
    await waitFor('The end of what follows a payment', async () => {
      const [row] = await query<{ open: number }>(
        system.databaseUrl,
        // Later ones look after reservations that nobody paid for.
        `SELECT count(*)::int AS open FROM outbox WHERE available_at < now() + interval '1 minute'`,
      );
      return row?.open === 0 ? true : undefined;
    });
  });

  it('are booked no second time when each is reported ten times more', async () => {
    const { system } = running;
    const events = (await admin(system.endpoints, 'GET', '/_local/stripe/events')) as {
      events: { id: string }[];
    };
    expect(events.events.length).toBeGreaterThanOrEqual(orderCount);
    for (const { id } of events.events)
      await admin(system.endpoints, 'POST', `/_local/stripe/events/${id}/replay`, { times: 10 });
    await waitFor('The delivery of all replays', async () => {
      const { deliveries } = (await admin(
        system.endpoints,
        'GET',
        '/_local/stripe/deliveries',
      )) as Deliveries;
      expect(deliveries.filter(({ state }) => state === 'abandoned')).toEqual([]);
      return deliveries.every(({ state }) => state === 'delivered') ? true : undefined;
    });
    const [sums] = await query(
      system.databaseUrl,
      `SELECT (SELECT stock FROM product_variants) AS stock, (SELECT reserved FROM product_variants) AS reserved,
         (SELECT count(DISTINCT payment_intent) FROM orders)::int AS payments,
         (SELECT count(*) FROM audit_log WHERE action = 'order.pay' AND outcome = 'ok')::int AS booked,
         (SELECT sum(refunded_minor) FROM orders)::int AS refunded`,
    );
    expect(sums).toEqual({
      stock: stock - orderCount,
      reserved: 0,
      payments: orderCount,
      booked: orderCount,
      refunded: 0,
    });
    const { stdout } = await system.backendCli('audit', 'verify');
    expect(stdout).toMatch(/^ok /);
  });
});

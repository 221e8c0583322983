import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../kernel/fake-clock.ts';
import { CallSlots } from './call-slots.ts';
import { EiotclubClient } from './client.ts';
import { EiotclubCarrier } from './eiotclub-carrier.ts';
import { type CarrierFault, TestCarrier, testAccount } from './testing/test-carrier.ts';

describe('the carrier', () => {
  let database: TestDatabase;
  let baseUrl: string;
  const wire = new TestCarrier();
  const { signal } = new AbortController();
  const order = { iccid: '8944500102198304826', packageCode: 'PKG', outTradeNo: 'a'.repeat(32) };
  const account = (secret = testAccount.secret) => ({ ...testAccount, secret, baseUrl });
  const carrierOf = (secret?: string, timeoutMs?: number) =>
    new EiotclubCarrier(
      new EiotclubClient({
        account: account(secret),
        clock: new FakeClock(),
        pace: { next: async () => {} },
        ...(timeoutMs !== undefined && { timeoutMs }),
      }),
    );

  beforeAll(async () => {
    database = await createTestDatabase();
    baseUrl = await wire.start();
  });
  afterAll(async () => {
    await wire.stop();
    await database.drop();
  });
  beforeEach(() => {
    wire.orders.length = 0;
    wire.calls.length = 0;
    wire.faults.length = 0;
  });

  it('takes an order and is asked for it by our own number', async () => {
    const carrier = carrierOf();
    expect(await carrier.findOrder(order.outTradeNo, signal)).toBeUndefined();
    expect(await carrier.placeOrder(order, signal)).toEqual({ orderId: 'D1000' });
    for (const [state, name] of [
      [0, 'waiting'],
      [1, 'in_use'],
      [2, 'done'],
    ] as const) {
      Object.assign(wire.orders[0] ?? {}, { state });
      expect(await carrier.findOrder(order.outTradeNo, signal)).toEqual({ orderId: 'D1000', state: name });
    }
  });

  it.each<[CarrierFault, string]>([
    ['refuse', 'sim_provider_error'],
    ['garbage', 'sim_provider_error'],
    ['http-500', 'service_unavailable'],
    ['hang-up', 'service_unavailable'],
    ['lose-answer', 'service_unavailable'],
  ])('that does %s gives %s', async (fault, code) => {
    wire.faults.push(fault);
    await expect(carrierOf().placeOrder(order, signal)).rejects.toMatchObject({ code });
  });

  it('is not believed when its answer does not fit', async () => {
    wire.faults.push('misfit');
    await expect(carrierOf().findOrder(order.outTradeNo, signal)).rejects.toMatchObject({
      code: 'sim_provider_error',
    });
  });

  it('refuses what is signed with another secret, and its code stays inside', async () => {
    const refused = carrierOf('another').placeOrder(order, signal);
    await expect(refused).rejects.toMatchObject({ code: 'sim_provider_error', carrierCode: '401' });
    await expect(refused).rejects.not.toMatchObject({ details: expect.anything() });
  });

  it('lists its cards page by page', async () => {
    const iccidOf = (number: number): string => `894450010219${String(number).padStart(6, '0')}`;
    wire.cards = Array.from({ length: 501 }, (_, number) => ({
      iccid: iccidOf(number),
      imsi: '208930000000001',
      cardStatus: number === 0 ? 'ACTIVATED_NAME' : 'SOMETHING_NEW',
    }));
    const pages = [];
    for await (const page of carrierOf().listCards(signal)) pages.push(page);
    expect(pages.map((page) => page.length)).toEqual([500, 1]);
    expect(pages[0]?.slice(0, 2)).toEqual([
      { iccid: iccidOf(0), imsi: '208930000000001', eid: undefined, status: 'active' },
      { iccid: iccidOf(1), imsi: '208930000000001', eid: undefined, status: undefined },
    ]);
  });

  it('is called ten times a second at most, by two instances together', async () => {
    const instances = [1, 2].map(
      () =>
        new EiotclubClient({
          account: account(),
          clock: new FakeClock(),
          pace: new CallSlots({ db: database.knex, name: 'test', perSecond: 10, longestWaitMs: 10_000 }),
        }),
    );
    const carriers = instances.map((client) => new EiotclubCarrier(client));
    await Promise.all(
      Array.from({ length: 14 }, (_, index) =>
        (carriers[index % 2] as EiotclubCarrier).placeOrder({ ...order, outTradeNo: `${index}` }, signal),
      ),
    );
    const times = wire.calls.map(({ atMs }) => atMs).sort((a, b) => a - b);
    expect(times).toHaveLength(14);
    // 13 steps of 100 ms; what the wire adds moves single calls, not their number.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_200);
    const fullest = Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
    );
    expect(fullest).toBeLessThanOrEqual(11);
  });

  it('is not queued for without end', async () => {
    const pace = new CallSlots({ db: database.knex, name: 'busy', perSecond: 1, longestWaitMs: 0 });
    await pace.next(signal);
    await expect(pace.next(signal)).rejects.toMatchObject({ code: 'service_unavailable' });
  });
});

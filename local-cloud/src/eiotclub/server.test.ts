import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codes } from './errors.ts';
import {
  cloudIccid,
  type EiotclubCloud,
  eid,
  iccid,
  signByHand,
  startEiotclubCloud,
} from './testing/eiotclub-cloud.ts';

const packageCode = 'DATA-1GB-30D';
const dayMs = 86_400_000;

describe('EIOTCLUB', () => {
  let cloud: EiotclubCloud;

  beforeEach(async () => {
    cloud = await startEiotclubCloud();
  });
  afterEach(() => cloud.stop());

  const order = async (outTradeNo: string, card = iccid): Promise<number> => {
    const { code, data } = await cloud.call('package/orderPackage', { iccid: card, packageCode, outTradeNo });
    expect(code).toBe('200');
    return Number(data['orderId']);
  };
  const orderInUse = async (outTradeNo: string, card = iccid): Promise<number> => {
    const orderId = await order(outTradeNo, card);
    await cloud.admin('POST', `orders/${orderId}/effective`);
    return orderId;
  };
  const events = () => cloud.receiver.texts('event');
  const balance = async () => (await cloud.call('agent/balance')).data['balance'];
  const found = async (outTradeNo: string, state: number) => {
    const { data } = await cloud.call('package/getOrderPackageDetails', {
      state,
      page: 1,
      pageSize: 50,
      outTradeNoArrStr: outTradeNo,
    });
    return data['list'] as Record<string, unknown>[];
  };

  describe('the envelope', () => {
    it('answers code 200, and refuses by code', async () => {
      expect(await cloud.call('agent/balance')).toEqual({
        status: 200,
        code: '200',
        message: 'success',
        data: { balance: '100.00' },
      });
      const now = Math.floor(Date.now() / 1000);
      const refused = [
        await cloud.call('agent/balance', {}, { secret: 'wrong' }),
        await cloud.call('agent/balance', {}, { change: { extra: 1 } }),
        await cloud.call('agent/balance', {}, { change: { sign: 'ABC' } }),
        await cloud.call('agent/balance', {}, { system: { appkey: '000002' } }),
        await cloud.call('agent/balance', {}, { system: { timestamp: now - 400 } }),
        await cloud.call('agent/balance', {}, { system: { timestamp: now + 400 } }),
        await cloud.call('agent/balance', {}, { system: { timestamp: now * 1000 } }),
        await cloud.call('agent/balance', {}, { system: { nonce: 1 } }),
        await cloud.call('card/getAllCardInfo', { pageNum: 1, pageSize: 500 }),
      ];
      expect(refused.map(({ code }) => code)).toEqual([
        codes.wrongSign,
        codes.wrongSign,
        codes.wrongSign,
        codes.wrongAppkey,
        codes.staleTimestamp,
        codes.staleTimestamp,
        codes.badParameter,
        codes.badParameter,
        codes.badParameter,
      ]);
      expect((await cloud.call('package/nothing')).code).toBe(codes.noSuchMethod);
      expect((await cloud.call('constructor')).code).toBe(codes.noSuchMethod);
    });

    it('refuses the very same request twice', async () => {
      const system = { timestamp: Math.floor(Date.now() / 1000), nonce: 12_345 };
      expect((await cloud.call('agent/balance', {}, { system })).code).toBe('200');
      expect((await cloud.call('agent/balance', {}, { system })).code).toBe(codes.badNonce);
    });

    it('lets ten requests a second pass, for the account as a whole', async () => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => cloud.call('agent/balance')));
      const passed = answers.filter(({ code }) => code === '200').length;
      expect(passed).toBeGreaterThanOrEqual(10);
      expect(passed).toBeLessThan(30);
      expect(answers.find(({ code }) => code !== '200')).toMatchObject({
        status: 429,
        code: codes.tooManyRequests,
      });
      cloud.environment.faults.throttling = false;
      expect((await cloud.call('agent/balance')).code).toBe('200');
    });
  });

  describe('cards', () => {
    it('lists them page by page, and by status', async () => {
      const page = async (pageNum: string) =>
        (await cloud.call('card/getAllCardInfo', { pageNum, pageSize: 1 })).data;
      expect([await page('1'), await page('2')]).toMatchObject([
        { total: 2, list: [{ iccid, cardStatus: 'NON_ACTIVATED_NAME', eid: null }] },
        { list: [{ iccid: cloudIccid, eid }] },
      ]);
      const { data } = await cloud.call('card/getAllCardInfo', {
        pageNum: '1',
        pageSize: 500,
        cardStatus: 'ACTIVATED_NAME',
      });
      expect(data['list']).toEqual([]);
      expect((await cloud.call('card/getCardsInfo', { iccid: '8985200012345678999' })).code).toBe(
        codes.noSuchCard,
      );
    });

    it('tells their product and what can be ordered', async () => {
      const { data } = await cloud.call('card/product', { iccid });
      expect(data['productCode']).toBe('P-GLOBAL');
      await cloud.admin('PUT', 'packages/X-1', {
        packageName: 'X',
        productCode: 'OTHER',
        price: '1.00',
        megabytes: 1,
        days: 1,
      });
      const offers = await cloud.call('package/listOrderPackageByIccid', { iccid });
      expect(offers.data).toHaveLength(3);
      expect(
        (await cloud.call('package/orderPackage', { iccid, packageCode: 'X-1', outTradeNo: 'x' })).code,
      ).toBe(codes.noSuchPackage);
    });
  });

  describe('orders', () => {
    it('places one order for one outTradeNo, and takes its price once', async () => {
      const first = await order('t1');
      expect(await order('t1')).toBe(first);
      expect(await balance()).toBe('97.00');
      const other = await cloud.call('package/orderPackage', {
        iccid: cloudIccid,
        packageCode,
        outTradeNo: 't1',
      });
      expect(other.code).toBe(codes.outTradeNoReused);
      await cloud.admin('PUT', 'account', { balance: '2.99' });
      const poor = await cloud.call('package/orderPackage', { iccid, packageCode, outTradeNo: 't2' });
      expect(poor.code).toBe(codes.balanceTooLow);
      expect(await found('t2', 0)).toEqual([]);
    });

    it('goes from waiting to use, with callbacks that are signed', async () => {
      const orderId = await order('t1');
      expect(await found('t1', 0)).toMatchObject([{ orderId, outTradeNo: 't1', state: 0 }]);
      await cloud.admin('POST', `orders/${orderId}/effective`);
      expect([await found('t1', 0), await found('t1', 1)]).toMatchObject([[], [{ orderId, state: 1 }]]);
      const [placed, effective] = await cloud.receiver.until(2);
      expect([placed?.json, effective?.json]).toMatchObject([
        { event: 'SubPkgList', data: [{ iccid, outTradeNo: 't1', packageCode, state: 0 }] },
        { event: 'PkgEffective', data: { iccid, orderId, outTradeNo: 't1', packageCode, state: 1 } },
      ]);
      for (const { json } of cloud.receiver.received) {
        const { sign, data, ...rest } = json as { sign: string; data: object } & Record<
          string,
          string | number
        >;
        expect(Object.keys(rest).sort()).toEqual(['event', 'id', 'nonce', 'timestamp']);
        expect(sign).toBe(signByHand({ ...rest, data: JSON.stringify(data) }, 'n0tify'));
      }
      const { data } = await cloud.call('card/getCardsInfo', { iccid });
      expect(data).toMatchObject({
        cardStatus: 'ACTIVATED_NAME',
        packageInfo: { orderId, remainFlow: 1024 },
      });
    });

    it('takes effect by itself after a while, one package at a time', async () => {
      await cloud.admin('PUT', 'account', { effectiveAfterMs: 60_000 });
      await order('t1');
      await order('t2');
      cloud.environment.clock.shift(60_000);
      expect([await found('t1', 1), await found('t2', 0)]).toMatchObject([[{ state: 1 }], [{ state: 0 }]]);
      await cloud.admin('POST', `cards/${iccid}/drain`);
      expect([await found('t1', 2), await found('t2', 1)]).toMatchObject([[{ state: 2 }], [{ state: 1 }]]);
    });

    it('refunds what is unused, and says so', async () => {
      const waiting = await order('t1');
      const used = await orderInUse('t2', cloudIccid);
      await cloud.admin('POST', `cards/${cloudIccid}/drain`, { leftMegabytes: 512 });
      const amount = await cloud.call('package/queryRefundAmount', { iccid: cloudIccid, orderId: used });
      expect(amount.data).toEqual({ orderId: used, orderAmount: '3.00', refundAmount: '1.50' });
      await cloud.call('package/refundPackage', { iccid, orderId: waiting, remark: 'changed my mind' });
      await cloud.call('package/refundPackage', { iccid: cloudIccid, orderId: used, remark: 'slow' });
      expect(await balance()).toBe('98.50');
      const again = await cloud.call('package/refundPackage', { iccid, orderId: waiting, remark: 'again' });
      expect(again.code).toBe(codes.notRefundable);
      const foreign = await cloud.call('package/queryPackage', { iccid, orderId: used });
      expect(foreign.code).toBe(codes.noSuchOrder);
      const received = await cloud.receiver.until(6);
      const refunds = received.map(({ json }) => json).filter((json) => json['event'] === 'CloudESimRefund');
      expect(refunds).toMatchObject([
        { outTradeNo: 't1', orderAmount: '3.00', refundAmount: '3.00', eshopOrderId: waiting },
        { outTradeNo: 't2', refundAmount: '1.50', eid },
      ]);
      const { data } = await cloud.call('package/packageOrderRecord', { iccid, state: 2 });
      expect(data).toMatchObject({ total: 1, list: [{ orderId: waiting, refundAmount: '3.00' }] });
    });

    it('warns once at each threshold, and stops the card at the end', async () => {
      await orderInUse('t1');
      for (const leftMegabytes of [200, 99, 50, 0])
        await cloud.admin('POST', `cards/${iccid}/drain`, { leftMegabytes });
      const received = await cloud.receiver.until(5);
      expect(events()).toEqual(['SubPkgList', 'PkgEffective', 'FlowAlert', 'FlowAlert', 'CardStopped']);
      expect(received.slice(2).map(({ json }) => json)).toMatchObject([
        { iccid, alert_type: 1, alert_value: '99MB' },
        { iccid, alert_type: 2 },
        { iccid },
      ]);
      await expect(cloud.admin('POST', `cards/${iccid}/drain`)).rejects.toThrow(/No package/);
    });

    it('a cloud eSIM card: its own events, seven days before the end and at the end', async () => {
      await orderInUse('t1', cloudIccid);
      cloud.environment.clock.shift(24 * dayMs);
      await cloud.call('agent/balance');
      cloud.environment.clock.shift(30 * dayMs + 1000);
      await cloud.call('agent/balance');
      const received = await cloud.receiver.until(4);
      expect(events()).toEqual([
        'CloudESimSubPkgList',
        'CloudESimPkgActivate',
        'CloudESimFlowAlert',
        'CardStopped',
      ]);
      expect(received[2]?.json).toMatchObject({ eid, alert_type: 3 });
      expect(await found('t1', 2)).toHaveLength(1);
    });
  });

  describe('faults', () => {
    it('loses the answer after the order was placed', async () => {
      cloud.environment.faults.add({
        service: 'eiotclub',
        operation: 'package/orderPackage',
        effect: { kind: 'lose-answer' },
        times: 1,
      });
      await expect(
        cloud.call('package/orderPackage', { iccid, packageCode, outTradeNo: 't1' }),
      ).rejects.toThrow();
      expect(await found('t1', 0)).toHaveLength(1);
      await order('t1');
      expect(await balance()).toBe('97.00');
    });

    it('never answers, though it did what it was asked', async () => {
      cloud.environment.faults.add({
        service: 'eiotclub',
        operation: 'package/orderPackage',
        effect: { kind: 'custom', name: 'hang' },
        times: 1,
      });
      const impatience = new AbortController();
      const call = cloud.call(
        'package/orderPackage',
        { iccid, packageCode, outTradeNo: 't1' },
        { signal: impatience.signal },
      );
      await cloud.receiver.until(1);
      impatience.abort();
      await expect(call).rejects.toThrow();
      expect(await found('t1', 0)).toHaveLength(1);
    });

    it('answers with a code of one’s choice', async () => {
      const effect = { kind: 'custom', name: 'refuse', value: '30001' } as const;
      cloud.environment.faults.add({ service: 'eiotclub', effect, times: 1 });
      expect(await cloud.call('agent/balance')).toMatchObject({ status: 200, code: '30001', data: null });
    });
  });

  describe('notifications', () => {
    it('come again until they are accepted, with a fresh signature or with the old one', async () => {
      cloud.receiver.answers.push(500, 401);
      await order('t1');
      const received = await cloud.receiver.until(3);
      expect(new Set(received.map(({ json }) => json['id'])).size).toBe(1);
      await cloud.admin('PUT', 'account', { freshTimestamps: false });
      cloud.receiver.answers.push(500);
      await order('t2');
      const [first, second] = (await cloud.receiver.until(5)).slice(3);
      expect(second?.body).toBe(first?.body);
    });

    it('can be held back, reordered, replayed, and made up', async () => {
      await cloud.admin('PUT', 'delivery', { paused: true });
      await orderInUse('t1');
      await cloud.admin('POST', 'notifications', { event: 'SomethingNew', members: { n: 1 } });
      await cloud.admin('POST', 'deliveries/reorder', { order: 'reverse' });
      await cloud.restart();
      await cloud.admin('POST', 'deliveries/reorder', { order: 'reverse' });
      await cloud.admin('PUT', 'delivery', { paused: false });
      await cloud.receiver.until(3);
      expect(events()).toEqual(['SomethingNew', 'PkgEffective', 'SubPkgList']);
      await cloud.admin('POST', `notifications/${String(cloud.receiver.texts('id')[1])}/replay`, {
        times: 2,
      });
      await cloud.receiver.until(5);
      expect(events().slice(3)).toEqual(['PkgEffective', 'PkgEffective']);
    });

    it('never show the secrets', async () => {
      const account = JSON.stringify(await cloud.admin('GET', 'account'));
      expect(account).not.toMatch(/s3cret|n0tify/);
    });
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { signMessage } from './signature.ts';
import { type EiotclubCloud, iccid, startEiotclubCloud } from './testing/eiotclub-cloud.ts';

const methods = [
  'package/orderPackage',
  'package/refundPackage',
  'package/queryRefundAmount',
  'package/queryPackage',
  'package/packageOrderRecord',
  'package/getOrderPackageDetails',
  'package/listOrderPackageByIccid',
  'package/listOrderPackageByProduct',
  'package/queryOrderPackageByPackageCode',
  'card/getAllCardInfo',
  'card/getCardsInfo',
  'card/product',
];

describe('hostile input', () => {
  let cloud: EiotclubCloud;

  beforeEach(async () => {
    cloud = await startEiotclubCloud();
    cloud.environment.faults.throttling = false;
  });
  afterEach(() => cloud.stop());

  const send = (method: string, body: string) =>
    fetch(`${cloud.eiotclub.url}/api/v3/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  it('gets an envelope, never a failure, also when it is signed', async () => {
    const value = fc.oneof(fc.constant(iccid), fc.integer(), fc.jsonValue({ maxDepth: 2 }));
    const names = fc.constantFrom(
      'iccid',
      'orderId',
      'packageCode',
      'outTradeNo',
      'state',
      'page',
      'pageSize',
      'pageNum',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        fc.dictionary(fc.oneof(names, fc.string()), value),
        async (method, parameters) => {
          const timestamp = Math.floor(cloud.environment.clock.nowSeconds());
          const call = { ...parameters, appkey: '000001', timestamp, nonce: 12_345 };
          const response = await send(method, signMessage(call, 's3cret'));
          expect(response.status).toBe(200);
          expect(await response.json()).toMatchObject({
            code: expect.any(String),
            message: expect.any(String),
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['', '[]', 'null', '{', '"x"', '{"appkey":{}}'])('refuses the body %s', async (body) => {
    const answer = (await (await send('agent/balance', body)).json()) as { code: string };
    expect(answer.code).not.toBe('200');
  });
});

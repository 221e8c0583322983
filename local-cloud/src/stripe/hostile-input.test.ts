import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type StripeCloud, startStripeCloud } from './testing/stripe-cloud.ts';

describe('hostile input', () => {
  let cloud: StripeCloud;

  beforeEach(async () => {
    cloud = await startStripeCloud();
  });
  afterEach(() => cloud.stop());

  const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    fetch(`${cloud.stripe.url}${path}`, {
      method,
      headers: {
        authorization: 'Bearer sk_test_x',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });

  it('is answered in the shape of an error, never by a failure', async () => {
    const word = fc.constantFrom(
      ...'mode payment line_items [0] [price_data] [unit_amount] [quantity] metadata [a] = & 1 -1'.split(' '),
      ...'99999999999999999999 usd expand limit starting_after success_url http://x/ created'.split(' '),
      ...'[gte] types %00 %ff data.payment_intent payment_intent []'.split(' '),
    );
    const path = fc.constantFrom(
      ...'checkout/sessions refunds events checkout/sessions/cs_test_x disputes/x/close charges'.split(' '),
      ...'payment_intents/..%2f checkout/sessions/%zz ../pay/x'.split(' '),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'DELETE'),
        path,
        fc.array(word, { maxLength: 12 }).map((words) => words.join('')),
        async (method, below, form) => {
          const url = `/v1/${below}`;
          const response =
            method === 'POST' ? await send(method, url, form) : await send(method, `${url}?${form}`);
          const body = await response.text();
          expect(response.status).toBeLessThan(500);
          if (response.status >= 400) expect(body.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses JSON, giant bodies, long keys and missing keys of the account', async () => {
    const json = await send('POST', '/v1/refunds', '{"amount":1}', { 'content-type': 'application/json' });
    const giant = await send('POST', '/v1/refunds', `metadata[a]=${'x'.repeat(300_000)}`);
    const key = await send('POST', '/v1/refunds', 'payment_intent=pi_1', {
      'idempotency-key': 'k'.repeat(300),
    });
    const anonymous = await send('GET', '/v1/events', undefined, { authorization: '' });
    expect([json, giant, key, anonymous].map(({ status }) => status)).toEqual([400, 413, 400, 401]);
    for (const answer of [json, giant, key, anonymous])
      expect(await answer.json()).toMatchObject({ error: { message: expect.any(String) } });
  });

  it('takes a key as the user of Basic authentication too', async () => {
    const authorization = `Basic ${Buffer.from('sk_test_x:').toString('base64')}`;
    expect((await send('GET', '/v1/events', undefined, { authorization })).status).toBe(200);
  });
});

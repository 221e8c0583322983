import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type StripeClient from 'stripe';
import { type StripeCloud, startStripeCloud } from './testing/stripe-cloud.ts';

describe('lists and expansion', () => {
  let cloud: StripeCloud;

  beforeEach(async () => {
    cloud = await startStripeCloud();
  });
  afterEach(() => cloud.stop());

  const make = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) ids.unshift((await cloud.createSession()).id);
    return ids;
  };
  const listed = async (params: StripeClient.Checkout.SessionListParams) => {
    const { data, has_more } = await cloud.client.checkout.sessions.list(params);
    return [data.map(({ id }) => id), has_more];
  };

  it('pages in both directions, also after a restart', async () => {
    const [a, b, c, d] = (await make(4)) as [string, string, string, string];
    await cloud.restart();
    expect(await listed({ limit: 2 })).toEqual([[a, b], true]);
    expect(await listed({ limit: 2, starting_after: b })).toEqual([[c, d], false]);
    expect(await listed({ limit: 2, ending_before: d })).toEqual([[b, c], true]);
    expect(await listed({ limit: 5, ending_before: c })).toEqual([[a, b], false]);
    await expect(listed({ starting_after: 'cs_test_none' })).rejects.toMatchObject({
      param: 'starting_after',
    });
    await expect(listed({ limit: 101 })).rejects.toMatchObject({ param: 'limit' });
  });

  it('filters by time, status and type', async () => {
    const [id] = (await make(1)) as [string];
    const now = Math.floor(Date.now() / 1000);
    expect(await listed({ created: { gte: now + 60 } })).toEqual([[], false]);
    expect(await listed({ created: { gt: now - 60, lte: now + 60 }, status: 'open' })).toEqual([[id], false]);
    await cloud.client.checkout.sessions.expire(id);
    expect(await listed({ status: 'open' })).toEqual([[], false]);
    const { data } = await cloud.client.events.list({ type: 'checkout.*' });
    expect(data.map(({ type }) => type)).toEqual(['checkout.session.expired']);
    expect((await cloud.client.events.retrieve(data[0]?.id ?? '')).data.object).toMatchObject({ id });
  });

  it('expands in lists, and refuses what cannot be expanded', async () => {
    const [id] = (await make(1)) as [string];
    await cloud.admin('POST', `sessions/${id}/pay`);
    const { data } = await cloud.client.checkout.sessions.list({
      expand: ['data.payment_intent', 'data.line_items'],
    });
    expect(data[0]).toMatchObject({
      payment_intent: { object: 'payment_intent', status: 'succeeded' },
      line_items: { object: 'list', data: [{ quantity: 2 }] },
    });
    for (const expand of [['nothing'], ['amount_total'], ['metadata.x'], ['a.b.c.d.e']])
      await expect(cloud.client.checkout.sessions.retrieve(id, { expand })).rejects.toThrow(/expand/);
  });
});

import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import StripeClient from 'stripe';
import { type StripeCloud, startStripeCloud, webhookSecret } from './testing/stripe-cloud.ts';

describe('Stripe, used by its own library', () => {
  let cloud: StripeCloud;

  beforeEach(async () => {
    cloud = await startStripeCloud();
  });
  afterEach(() => cloud.stop());

  const pay = (id: string, attempt: 'card' | 'debit' | 'declined' = 'card') =>
    cloud.admin<{ redirect: string | null }>('POST', `sessions/${id}/pay`, { attempt });
  const paidIntent = async (): Promise<string> => {
    const { id } = await cloud.createSession();
    await pay(id);
    const { payment_intent: intent } = await cloud.client.checkout.sessions.retrieve(id);
    return typeof intent === 'string' ? intent : '';
  };
  const refusal = async (call: Promise<unknown>): Promise<StripeClient.errors.StripeError> => {
    const error: unknown = await call.then(
      () => new Error('it answered'),
      (reason: unknown) => reason,
    );
    if (!(error instanceof StripeClient.errors.StripeError)) throw error;
    return error;
  };
  const types = (from = 0) => cloud.receiver.texts('type').slice(from);

  it('creates, lists, retrieves and expires sessions', async () => {
    const session = await cloud.createSession();
    expect(session).toMatchObject({
      amount_total: 29_800,
      currency: 'usd',
      status: 'open',
      payment_status: 'unpaid',
      payment_intent: null,
      url: `${cloud.stripe.url}/pay/${session.id}`,
      metadata: { type: 'order', purchase_id: 'p-1' },
    });
    expect(session.expires_at - session.created).toBe(86_400);
    const { data } = await cloud.client.checkout.sessions.listLineItems(session.id);
    expect(data).toMatchObject([{ quantity: 2, amount_total: 29_800, description: 'AOVIS N4K camera' }]);
    const expanded = await cloud.client.checkout.sessions.retrieve(session.id, { expand: ['line_items'] });
    expect(expanded.line_items?.data[0]?.price?.unit_amount).toBe(14_900);
    const second = await cloud.createSession();
    const third = await cloud.createSession();
    const page = await cloud.client.checkout.sessions.list({ limit: 2 });
    expect([page.data.map(({ id }) => id), page.has_more]).toEqual([[third.id, second.id], true]);
    const all: string[] = [];
    for await (const { id } of cloud.client.checkout.sessions.list({ limit: 1 })) all.push(id);
    expect(all).toEqual([third.id, second.id, session.id]);
    const expired = await cloud.client.checkout.sessions.expire(session.id);
    expect([expired.status, expired.url]).toEqual(['expired', null]);
    expect((await refusal(cloud.client.checkout.sessions.expire(session.id))).message).toContain('expired');
    await cloud.receiver.until(1);
    expect(types()).toEqual(['checkout.session.expired']);
  });

  it('expires sessions by its clock', async () => {
    const { id } = await cloud.createSession();
    cloud.environment.clock.shift(86_400_000 + 1000);
    expect((await cloud.client.checkout.sessions.retrieve(id)).status).toBe('expired');
  });

  it('refuses in the error classes of the library', async () => {
    const { client } = cloud;
    const unknown = await refusal(client.checkout.sessions.retrieve('cs_test_none'));
    expect([unknown.constructor.name, unknown.code, unknown.statusCode]).toEqual([
      'StripeInvalidRequestError',
      'resource_missing',
      404,
    ]);
    const removed = {
      payment_method_types: ['card'],
    } as unknown as StripeClient.Checkout.SessionCreateParams;
    expect(await refusal(cloud.createSession(removed))).toMatchObject({
      code: 'parameter_unknown',
      param: 'payment_method_types',
    });
    expect(await refusal(client.checkout.sessions.create({ mode: 'payment' }))).toMatchObject({
      code: 'parameter_missing',
      param: 'line_items',
    });
    const soon = Math.floor(Date.now() / 1000) + 60;
    expect((await refusal(cloud.createSession({ expires_at: soon }))).param).toBe('expires_at');
    const connect = (key: string) =>
      new StripeClient(key, { host: '127.0.0.1', port: cloud.stripe.port, protocol: 'http' });
    for (const key of ['sk_live_x', 'nonsense'])
      expect((await refusal(connect(key).events.list())).constructor.name).toBe('StripeAuthenticationError');
    const version = await refusal(client.events.list({}, { apiVersion: '2020-01-01' }));
    expect(version.message).toContain('Invalid Stripe API version');
  });

  it('keeps the first answer to an idempotency key, over a restart', async () => {
    const first = await cloud.createSession({}, { idempotencyKey: 'order:1:v1' });
    await cloud.restart();
    const second = await cloud.createSession({}, { idempotencyKey: 'order:1:v1' });
    expect(second.id).toBe(first.id);
    const other = await refusal(cloud.createSession({ locale: 'de' }, { idempotencyKey: 'order:1:v1' }));
    expect(other.constructor.name).toBe('StripeIdempotencyError');
    const elsewhere = await refusal(
      cloud.client.refunds.create({ payment_intent: 'pi_x' }, { idempotencyKey: 'order:1:v1' }),
    );
    expect(elsewhere.message).toContain('/v1/checkout/sessions');
    cloud.environment.clock.shift(86_400_000 + 1000);
    const dayLater = await cloud.createSession({}, { idempotencyKey: 'order:1:v1' });
    expect(dayLater.id).not.toBe(first.id);
  });

  it('leaves the key free when the parameters were wrong, and stores the refusals of the operation itself', async () => {
    const options = { idempotencyKey: 'k-1' };
    await refusal(cloud.createSession({ success_url: 'nowhere' }, options));
    expect((await cloud.createSession({}, options)).status).toBe('open');
    const payment_intent = await paidIntent();
    const tooMuch = { payment_intent, amount: 999_999 };
    await refusal(cloud.client.refunds.create(tooMuch, { idempotencyKey: 'k-2' }));
    await cloud.client.refunds.create({ payment_intent }, { idempotencyKey: 'k-3' });
    const replayed = await refusal(cloud.client.refunds.create(tooMuch, { idempotencyKey: 'k-2' }));
    expect([replayed.param, replayed.headers?.['idempotent-replayed']]).toEqual(['amount', 'true']);
  });

  it('survives what the library retries: 503 before, and a lost answer after the deed', async () => {
    const { faults } = cloud.environment;
    const rule = { service: 'stripe', operation: 'checkout.sessions.create', times: 1 } as const;
    faults.add({ ...rule, effect: { kind: 'error', status: 503, code: 'unavailable', message: 'not now' } });
    faults.add({ ...rule, effect: { kind: 'lose-answer' } });
    await cloud.createSession();
    expect((await cloud.client.checkout.sessions.list()).data).toHaveLength(1);
    faults.add({ ...rule, times: 3, effect: { kind: 'error', status: 500, code: 'x', message: 'down' } });
    expect((await refusal(cloud.createSession())).constructor.name).toBe('StripeAPIError');
  });

  it('pays: objects, events in order, signatures that the library accepts', async () => {
    const session = await cloud.createSession();
    const { redirect } = await pay(session.id);
    expect(redirect).toBe(`http://localhost:3000/checkout/success?session_id=${session.id}`);
    const received = await cloud.receiver.until(4);
    expect(types()).toEqual([
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
      'checkout.session.completed',
    ]);
    for (const { body, headers } of received) {
      const event = cloud.client.webhooks.constructEvent(
        body,
        headers['stripe-signature'] ?? '',
        webhookSecret,
      );
      expect([event.object, event.api_version, event.livemode]).toEqual([
        'event',
        '2026-10-28.endive',
        false,
      ]);
    }
    const header = String(received[0]?.headers['stripe-signature']);
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
    expect(createHmac('sha256', webhookSecret).update(`${t}.${received[0]?.body}`).digest('hex')).toBe(v1);
    const paid = await cloud.client.checkout.sessions.retrieve(session.id, {
      expand: ['payment_intent.latest_charge'],
    });
    const intent = paid.payment_intent as StripeClient.PaymentIntent;
    expect([paid.status, paid.payment_status, intent.status, intent.amount_received]).toEqual([
      'complete',
      'paid',
      'succeeded',
      29_800,
    ]);
    expect(intent.metadata).toEqual({ type: 'order', purchase_id: 'p-1' });
    expect((intent.latest_charge as StripeClient.Charge).metadata).toEqual(intent.metadata);
    const bySession = await cloud.client.checkout.sessions.list({ payment_intent: intent.id });
    expect(bySession.data.map(({ id }) => id)).toEqual([session.id]);
    const { data } = await cloud.client.events.list({ types: ['checkout.session.completed'] });
    expect(data).toHaveLength(1);
  });

  it('stays open after a declined card, and keeps the payment intent for the next try', async () => {
    const { id } = await cloud.createSession();
    await pay(id, 'declined');
    const open = await cloud.client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] });
    const intent = open.payment_intent as StripeClient.PaymentIntent;
    expect([open.status, intent.status, intent.last_payment_error?.code]).toEqual([
      'open',
      'requires_payment_method',
      'card_declined',
    ]);
    await pay(id);
    const paid = await cloud.client.checkout.sessions.retrieve(id);
    expect([paid.status, paid.payment_intent]).toEqual(['complete', intent.id]);
    await cloud.receiver.until(6);
    expect(types().slice(1, 3)).toEqual(['charge.failed', 'payment_intent.payment_failed']);
  });

  it.each([
    ['succeeded', 'paid', 'checkout.session.async_payment_succeeded'],
    ['failed', 'unpaid', 'checkout.session.async_payment_failed'],
  ] as const)('a delayed payment that %s', async (outcome, status, type) => {
    const { id } = await cloud.createSession();
    await pay(id, 'debit');
    expect(await cloud.client.checkout.sessions.retrieve(id)).toMatchObject({
      status: 'complete',
      payment_status: 'unpaid',
    });
    await cloud.receiver.until(4);
    expect(types().at(-1)).toBe('checkout.session.completed');
    await cloud.admin('POST', `sessions/${id}/settle`, { outcome });
    await cloud.receiver.until(7);
    expect(types().at(-1)).toBe(type);
    expect((await cloud.client.checkout.sessions.retrieve(id)).payment_status).toBe(status);
    await expect(cloud.admin('POST', `sessions/${id}/settle`, { outcome })).rejects.toThrow(
      /No delayed payment/,
    );
  });

  it('refunds in parts, up to the whole and no further', async () => {
    const payment_intent = await paidIntent();
    const before = (await cloud.receiver.until(4)).length;
    const part = await cloud.client.refunds.create({
      payment_intent,
      amount: 10_000,
      metadata: { why: 'late' },
    });
    expect([part.status, part.amount, part.metadata]).toEqual(['succeeded', 10_000, { why: 'late' }]);
    await cloud.client.refunds.create({ payment_intent });
    await cloud.receiver.until(before + 4);
    expect(types(before)).toEqual(['refund.created', 'charge.refunded', 'refund.created', 'charge.refunded']);
    const charges = cloud.receiver.received
      .filter(({ json }) => json['type'] === 'charge.refunded')
      .map(({ json }) => (json as unknown as StripeClient.ChargeRefundedEvent).data.object);
    expect(charges.map(({ amount_refunded, refunded }) => [amount_refunded, refunded])).toEqual([
      [10_000, false],
      [29_800, true],
    ]);
    const again = await refusal(cloud.client.refunds.create({ payment_intent }));
    expect(again.code).toBe('charge_already_refunded');
    expect((await cloud.client.refunds.list({ payment_intent })).data).toHaveLength(2);
  });

  it('refunds that are pending, and refunds that fail after all', async () => {
    const payment_intent = await paidIntent();
    cloud.environment.faults.add({
      service: 'stripe',
      operation: 'refund-outcome',
      effect: { kind: 'custom', name: 'pending-refund' },
      times: 1,
    });
    const before = (await cloud.receiver.until(4)).length;
    const refund = await cloud.client.refunds.create({ payment_intent });
    expect(refund.status).toBe('pending');
    await cloud.admin('POST', `refunds/${refund.id}/settle`, { outcome: 'succeeded' });
    await cloud.admin('POST', `refunds/${refund.id}/settle`, { outcome: 'failed' });
    await cloud.receiver.until(before + 5);
    expect(types(before)).toEqual([
      'refund.created',
      'charge.refunded',
      'refund.updated',
      'refund.updated',
      'refund.failed',
    ]);
    const { data } = await cloud.client.charges.list({ payment_intent });
    expect(data[0]).toMatchObject({ amount_refunded: 0, refunded: false });
  });

  it('disputes: opened, won, lost; an inquiry only warns', async () => {
    const intents = [await paidIntent(), await paidIntent(), await paidIntent()];
    const before = (await cloud.receiver.until(12)).length;
    const [won, lost, asked] = await Promise.all(
      intents.map((payment_intent, i) =>
        cloud.admin<StripeClient.Dispute>('POST', 'disputes', { payment_intent, inquiry: i === 2 }),
      ),
    );
    const refused = await refusal(cloud.client.refunds.create({ payment_intent: intents[0] ?? '' }));
    expect(refused.code).toBe('charge_disputed');
    await cloud.admin('POST', `disputes/${won?.id}/close`, { outcome: 'won' });
    await cloud.client.disputes.close(lost?.id ?? '');
    await cloud.admin('POST', `disputes/${asked?.id}/close`, { outcome: 'warning_closed' });
    await cloud.receiver.until(before + 9);
    expect(types(before)).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.created',
      'charge.dispute.closed',
      'charge.dispute.funds_reinstated',
      'charge.dispute.closed',
      'charge.dispute.closed',
    ]);
    const { data } = await cloud.client.disputes.list();
    expect(data.map(({ status }) => status)).toEqual(['warning_closed', 'lost', 'won']);
    await expect(cloud.admin('POST', `disputes/${won?.id}/close`, { outcome: 'lost' })).rejects.toThrow(
      /won already/,
    );
  });
});

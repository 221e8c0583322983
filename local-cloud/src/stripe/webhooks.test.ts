import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebhookReceiver } from '../kernel/testing/webhook-receiver.ts';
import { type StripeCloud, startStripeCloud, webhookSecret } from './testing/stripe-cloud.ts';

describe('webhooks', () => {
  let cloud: StripeCloud;
  const others: WebhookReceiver[] = [];

  beforeEach(async () => {
    cloud = await startStripeCloud();
  });
  afterEach(async () => {
    await cloud.stop();
    for (const other of others.splice(0)) await other.stop();
  });

  const happen = async (): Promise<void> => {
    const { id } = await cloud.createSession();
    await cloud.client.checkout.sessions.expire(id);
  };
  const pay = async (): Promise<void> => {
    const { id } = await cloud.createSession();
    await cloud.admin('POST', `sessions/${id}/pay`);
  };

  it('tries again until it is accepted, each time with a signature of its own', async () => {
    cloud.receiver.answers.push(500, 302, 404);
    await happen();
    const received = await cloud.receiver.until(4);
    expect(received.map(({ status }) => status)).toEqual([500, 302, 404, 200]);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    for (const { body, headers } of received)
      cloud.client.webhooks.constructEvent(body, headers['stripe-signature'] ?? '', webhookSecret);
  });

  it('gives up after twelve attempts', async () => {
    cloud.receiver.answers.push(...Array.from({ length: 12 }, () => 503));
    await happen();
    await cloud.receiver.until(12);
    await happen();
    await cloud.receiver.until(13);
    const { deliveries } = await cloud.admin<{ deliveries: object[] }>('GET', 'deliveries');
    expect(deliveries).toMatchObject([
      { state: 'abandoned', attempts: 12, lastStatus: 503 },
      { attempts: expect.any(Number) },
    ]);
    expect((await cloud.client.events.list({ delivery_success: false })).data.length).toBeGreaterThan(0);
  });

  it('sends each endpoint what it is subscribed to, under its own secret', async () => {
    const other = await new WebhookReceiver().start();
    others.push(other);
    await cloud.admin('PUT', 'webhook-endpoints/data-plan', {
      url: other.url,
      secret: 'whsec_anotherSecret',
      enabledEvents: ['checkout.session.completed'],
    });
    await pay();
    await cloud.receiver.until(4);
    const [only] = await other.until(1);
    expect(other.texts('type')).toEqual(['checkout.session.completed']);
    const header = only?.headers['stripe-signature'] ?? '';
    cloud.client.webhooks.constructEvent(only?.body ?? '', header, 'whsec_anotherSecret');
    expect(() => cloud.client.webhooks.constructEvent(only?.body ?? '', header, webhookSecret)).toThrow();
    const listed = JSON.stringify(await cloud.admin('GET', 'webhook-endpoints'));
    expect(listed).toContain(other.url);
    expect(listed).not.toContain('whsec_');
  });

  it('can be held back, reordered, replayed and duplicated', async () => {
    await cloud.admin('PUT', 'delivery', { paused: true });
    await pay();
    await cloud.admin('POST', 'deliveries/reorder', { order: 'reverse' });
    expect(cloud.receiver.received).toEqual([]);
    await cloud.admin('PUT', 'delivery', { paused: false });
    await cloud.receiver.until(4);
    expect(cloud.receiver.texts('type')).toEqual([
      'checkout.session.completed',
      'payment_intent.succeeded',
      'charge.succeeded',
      'payment_intent.created',
    ]);
    const [completed] = cloud.receiver.texts('id');
    await cloud.admin('POST', `events/${String(completed)}/replay`, { times: 3 });
    await cloud.receiver.until(7);
    expect(cloud.receiver.texts('id').slice(4)).toEqual([completed, completed, completed]);
    await expect(cloud.admin('POST', 'events/evt_none/replay')).rejects.toThrow(/no event evt_none/);
  });

  it('delivers after a restart what it could not deliver before', async () => {
    await cloud.admin('PUT', 'delivery', { paused: true });
    await happen();
    await cloud.restart();
    await cloud.admin('PUT', 'delivery', { paused: false, parallel: 4 });
    await cloud.receiver.until(1);
    expect(cloud.receiver.texts('type')).toEqual(['checkout.session.expired']);
  });
});

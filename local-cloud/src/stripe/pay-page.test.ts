import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type StripeClient from 'stripe';
import { type StripeCloud, startStripeCloud } from './testing/stripe-cloud.ts';

describe('the pay page over HTTP', () => {
  let cloud: StripeCloud;

  beforeEach(async () => {
    cloud = await startStripeCloud();
  });
  afterEach(() => cloud.stop());

  const submit = (session: StripeClient.Checkout.Session, form: Record<string, string>, headers = {}) =>
    fetch(session.url ?? '', {
      method: 'POST',
      body: new URLSearchParams(form),
      redirect: 'manual',
      headers,
    });
  const payer = { email: 'buyer@example.com', name: 'Pat Payer' };
  const look = (id: string) => cloud.client.checkout.sessions.retrieve(id);

  it('shows what is bought, escaped, and allows nothing from elsewhere', async () => {
    const session = await cloud.createSession({
      line_items: [
        {
          price_data: {
            currency: 'jpy',
            unit_amount: 1200,
            product_data: { name: '<script>alert(1)</script>' },
          },
          quantity: 1,
        },
      ],
    });
    const response = await fetch(session.url ?? '');
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toContain('<script');
    expect(page).toContain('¥1,200');
    expect(page).toContain('value="buyer@example.com"');
  });

  it('pays once and leads back to the shop', async () => {
    const session = await cloud.createSession();
    const paid = await submit(session, { ...payer, action: 'card' });
    expect([paid.status, paid.headers.get('location')]).toEqual([
      303,
      `http://localhost:3000/checkout/success?session_id=${session.id}`,
    ]);
    expect((await submit(session, { ...payer, action: 'card' })).status).toBe(409);
    expect((await look(session.id)).customer_details).toMatchObject(payer);
  });

  it('says what is missing, and keeps what was typed', async () => {
    const session = await cloud.createSession({
      shipping_address_collection: { allowed_countries: ['US', 'DE'] },
      phone_number_collection: { enabled: true },
    });
    const refused = await submit(session, {
      action: 'card',
      email: 'no address',
      line1: 'Main St 1',
      country: 'FR',
    });
    const page = await refused.text();
    expect(refused.status).toBe(422);
    for (const name of ['email', 'name', 'phone', 'postal_code', 'city'])
      expect(page).toContain(`id="${name}-problem"`);
    expect(page).toContain('value="Main St 1"');
    expect((await look(session.id)).status).toBe('open');
    const address = { line1: 'Main St 1', postal_code: '12345', city: 'Berlin', country: 'DE' };
    expect((await submit(session, { ...payer, ...address, phone: '+49 30 1', action: 'debit' })).status).toBe(
      303,
    );
    expect((await look(session.id)).collected_information?.shipping_details).toMatchObject({
      name: 'Pat Payer',
      address: { ...address, line2: null, state: null },
    });
  });

  it('tells a declined card, an expired session and a wrong link apart', async () => {
    const session = await cloud.createSession();
    const declined = await submit(session, { ...payer, action: 'declined' });
    expect([declined.status, await declined.text()]).toEqual([402, expect.stringContaining('was declined')]);
    await cloud.client.checkout.sessions.expire(session.id);
    expect((await fetch(session.url ?? '')).status).toBe(410);
    expect((await fetch(`${cloud.stripe.url}/pay/cs_test_nothing`)).status).toBe(404);
  });

  it('offers only what the session takes', async () => {
    const session = await cloud.createSession({ allowed_payment_method_types: ['card'] });
    expect(await (await fetch(session.url ?? '')).text()).not.toContain('bank debit');
    expect((await submit(session, { ...payer, action: 'debit' })).status).toBe(409);
  });

  it('lets no other site pay, nor another name', async () => {
    const session = await cloud.createSession();
    for (const origin of ['http://evil.example', 'null'])
      expect((await submit(session, { ...payer, action: 'card' }, { origin })).status).toBe(403);
    const status = await new Promise((resolve, reject) => {
      request(session.url ?? '', { headers: { host: 'evil.example' } })
        .once('response', (response) => resolve(response.resume().statusCode))
        .once('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });
});

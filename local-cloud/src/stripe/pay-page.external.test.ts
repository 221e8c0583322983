import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type StripeCloud, startStripeCloud } from './testing/stripe-cloud.ts';

jest.setTimeout(60_000);

describe('the pay page in a browser on a phone', () => {
  let cloud: StripeCloud;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    cloud = await startStripeCloud();
    browser = await chromium.launch({
      executablePath: process.env['AOVIS_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    });
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    // Where the shop would be.
    await page.route('http://localhost:3000/**', (route) => route.fulfill({ body: 'the shop' }));
  });
  afterAll(async () => {
    await browser.close();
    await cloud.stop();
  });

  it('is filled by its labels, tells what is wrong beside the field, and pays', async () => {
    const { id, url } = await cloud.createSession({
      shipping_address_collection: { allowed_countries: ['US', 'DE'] },
    });
    await page.goto(url ?? '');
    const pay = page.getByRole('button', { name: 'Pay $298.00' });
    await pay.click();
    expect(await page.getByRole('alert').textContent()).toContain('Nothing was paid');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('name');
    await page.getByLabel('Full name').fill('Pat Payer');
    await page.getByLabel('Address', { exact: true }).fill('Main St 1');
    await page.getByLabel('Postal code').fill('12345');
    await page.getByLabel('City').fill('Berlin');
    await page.getByLabel('Country').selectOption({ label: 'Germany' });
    await page.getByRole('button', { name: 'declined' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('declined');
    await pay.click();
    await page.waitForURL(`http://localhost:3000/checkout/success?session_id=${id}`);
    expect((await cloud.client.checkout.sessions.retrieve(id)).payment_status).toBe('paid');
  });

  it('fits the screen, can be touched, and leads back to the shop', async () => {
    const { url } = await cloud.createSession();
    await page.goto(url ?? '');
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    expect(tooWide).toBe(false);
    for (const control of await page.locator('input, select, button').all())
      expect((await control.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.waitForURL('http://localhost:3000/cart');
  });
});

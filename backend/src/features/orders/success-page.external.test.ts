import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import request from 'supertest';
import { type BrowserOnServer, openBrowserOn } from '../../testing/browser.ts';
import { createStoreApp, type StoreApp, seedVariant } from '../../testing/store-app.ts';
import { StripeEventsOf } from './testing/stripe-events.ts';

jest.setTimeout(60_000);

describe('the success page in a browser on a phone', () => {
  let database: TestDatabase;
  let app: StoreApp;
  let origin: string;
  let variantId: string;
  let opened: BrowserOnServer;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createStoreApp(database.knex, database.url);
    opened = await openBrowserOn(app.server);
    ({ origin, browser } = opened);
    variantId = await seedVariant(database.knex, 'N4K');
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  });
  afterAll(async () => {
    await opened.close();
    await database.drop();
  });

  async function comeBack(): Promise<StripeEventsOf> {
    const items = [{ variant_id: variantId, quantity: 1 }];
    const { body } = await request(app.server).post('/api/checkout').send({ items }).expect(201);
    await page.goto(`${origin}/checkout/success?session_id=cs_test_${body.order_id}`);
    return new StripeEventsOf(body.order_id, 19_900, app.clock.now().getTime() / 1_000);
  }
  const message = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();

  it('waits for the payment, says that it came, and forgets the address', async () => {
    const events = await comeBack();
    await message('on its way');
    expect(page.url()).toBe(`${origin}/checkout/success`);
    await app.deliver(events.completed()).expect(200);
    await message('Your payment has come');
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    expect(tooWide).toBe(false);
    expect(await page.content()).not.toContain(events.orderId);
  });

  it('says when nothing was taken, and when the address is not complete', async () => {
    const events = await comeBack();
    await app.deliver(events.expired()).expect(200);
    await message('nothing was taken');
    await page.context().clearCookies();
    await page.goto(`${origin}/checkout/success`);
    await page.getByText('not complete').waitFor();
  });
});

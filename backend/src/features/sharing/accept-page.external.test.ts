import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import request from 'supertest';
import { type BrowserOnServer, openBrowserOn } from '../../testing/browser.ts';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';

jest.setTimeout(60_000);

describe('the page of an invitation in a browser on a phone', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let origin: string;
  let opened: BrowserOnServer;
  let browser: Browser;
  let page: Page;
  let link: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createDeviceApp(database.knex, database.url);
    opened = await openBrowserOn(app.server);
    ({ origin, browser } = opened);
  });
  afterAll(async () => {
    await opened.close();
    await database.drop();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    const owner = await seedUser(database.knex);
    const deviceId = await seedBoard(database.knex);
    await seedOwnership(database.knex, { userId: owner, deviceId });
    const created = await request(app.server)
      .post(`/api/devices/${deviceId}/shares`)
      .set('Authorization', `Bearer ${owner}`)
      .send({})
      .expect(201);
    // The address of the service is another one here than that of the test's port.
    link = origin + new URL(created.body.url).pathname + new URL(created.body.url).hash;
  });

  const message = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const accepted = () => database.knex('device_shares').whereNotNull('accepted_at');
  const signIn = async () =>
    page.setExtraHTTPHeaders({ Authorization: `Bearer ${await seedUser(database.knex)}` });

  it('uses nothing up before the button, and forgets the token after it', async () => {
    await signIn();
    await page.goto(link);
    await message('shares an AOVIS camera');
    expect(await accepted()).toEqual([]);
    await page.getByRole('button', { name: 'View the camera' }).click();
    await message('Done. You find N4K-');
    expect(page.url()).toBe(`${origin}/accept/share`);
    expect(await accepted()).toHaveLength(1);
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    expect(tooWide).toBe(false);

    await page.goto('about:blank');
    await signIn();
    await page.goto(link);
    await page.getByRole('button').click();
    await message('was used, or has expired');
  });

  it('says what to do when nobody is signed in, and when the link is not whole', async () => {
    await page.goto(link);
    await page.getByRole('button').click();
    await message('Sign in first');
    // Signed in meanwhile, the same page goes on.
    await signIn();
    await page.getByRole('button').click();
    await message('Done');
    await page.goto(`${origin}/accept/transfer`);
    await message('not complete');
  });
});

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { type BackendUnderTest, createBackendUnderTest } from '../../testing/backend-under-test.ts';

jest.setTimeout(60_000);

describe('the page of a mailed link, in a browser on a phone', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;
  let origin: string;
  let browser: Browser;
  let phone: BrowserContext;

  beforeAll(async () => {
    database = await createTestDatabase();
    // The address must be known before the program is composed: cookies count for pages of this origin.
    const probe = createBackendUnderTest(database.knex, database.url);
    probe.server.listen(0, '127.0.0.1');
    await once(probe.server, 'listening');
    const { port } = probe.server.address() as AddressInfo;
    probe.server.close();
    await once(probe.server, 'close');
    origin = `http://127.0.0.1:${port}`;
    app = createBackendUnderTest(database.knex, database.url, { AOVIS_PUBLIC_URL: origin });
    app.server.listen(port, '127.0.0.1');
    await once(app.server, 'listening');
    await app.backend.start();
    browser = await chromium.launch({
      executablePath: process.env.AOVIS_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    });
    phone = await browser.newContext({ viewport: { width: 390, height: 844 } });
  });
  afterAll(async () => {
    await browser.close();
    await app.backend.stop();
    app.server.close();
    app.server.closeAllConnections();
    await database.drop();
  });

  async function askForLink(): Promise<string> {
    const page = await phone.newPage();
    await page.goto(`${origin}/auth/magic-link`);
    await page.evaluate(() =>
      fetch('/api/auth/app-magic-link', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ email: 'anna@example.com' }),
      }).then((response) => response.status),
    );
    await page.close();
    return /https?:\S+#token=[\w-]+/.exec((await app.mailer.next()).text)?.[0] ?? '';
  }

  it('signs the browser in that asked for it, at a touch, once', async () => {
    const link = await askForLink();
    const page = await phone.newPage();
    await page.goto(link);
    expect(page.url()).toBe(`${origin}/auth/magic-link`);
    const status = page.getByRole('status');
    expect(await status.textContent()).toContain('confirm');
    const statusOf = () => page.evaluate(() => fetch('/api/account').then((response) => response.status));
    expect(await statusOf()).toBe(401);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await status.filter({ hasText: 'You are signed in' }).waitFor();
    expect(await statusOf()).toBe(200);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
    expect(await page.evaluate(() => document.cookie)).toBe('');

    await page.goto('about:blank');
    await page.goto(link);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await status.filter({ hasText: 'This link was used' }).waitFor();
  });

  it('signs no other browser in', async () => {
    const link = await askForLink();
    const elsewhere = await browser.newContext();
    const page = await elsewhere.newPage();
    await page.goto(link);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('status').filter({ hasText: 'belongs to another device' }).waitFor();
    await elsewhere.close();
  });
});

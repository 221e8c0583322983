import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type BackendUnderTest, createBackendUnderTest } from '../testing/backend-under-test.ts';
import { type BrowserOnServer, openBrowserOn } from '../testing/browser.ts';
import { apiContracts } from './api-contracts.ts';

jest.setTimeout(60_000);

/** All that a person meets in a browser. */
const paths = [
  '/a',
  '/auth/magic-link',
  '/checkout/success',
  '/checkout/data-plan',
  '/accept/share',
  '/accept/transfer',
];
const phone = { width: 360, height: 740 };

describe('a page for people', () => {
  let database: TestDatabase;
  let app: BackendUnderTest;
  let origin: string;
  let opened: BrowserOnServer;
  let browser: Browser;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createBackendUnderTest(database.knex, database.url);
    opened = await openBrowserOn(app.server);
    ({ origin, browser } = opened);
  });
  afterAll(async () => {
    await opened.close();
    await database.drop();
  });

  it.each(paths)('%s can be read, heard and used on a phone, and obeys its own policy', async (path) => {
    const page = await browser.newPage({ viewport: phone });
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`${origin}${path}`, { waitUntil: 'networkidle' });
    const seen = await page.evaluate(() => {
      const visible = (element: Element): boolean => element.getClientRects().length > 0;
      const channel = (value: number): number =>
        value <= 0.039_28 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      const luminance = (color: string): number => {
        const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) =>
          channel(Number(part) / 255),
        );
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const backgroundOf = (element: Element | null): string => {
        if (element === null) return 'rgb(255, 255, 255)';
        const { backgroundColor } = getComputedStyle(element);
        return /rgba\(.*, 0\)|transparent/.test(backgroundColor)
          ? backgroundOf(element.parentElement)
          : backgroundColor;
      };
      const contrast = (element: Element): number => {
        const lights = [luminance(getComputedStyle(element).color), luminance(backgroundOf(element))];
        return (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
      };
      const texts = [...document.querySelectorAll('h1, h2, p, li, button, a, label')].filter(visible);
      const controls = [...document.querySelectorAll('button, a, input, select')].filter(visible);
      return {
        language: document.documentElement.lang,
        headings: [...document.querySelectorAll('h1')].filter(visible).length,
        mains: document.querySelectorAll('main').length,
        title: document.title,
        scrollsSideways: document.documentElement.scrollWidth > window.innerWidth,
        pale: texts.filter((element) => contrast(element) < 4.5).map((element) => element.textContent),
        nameless: controls.filter(
          (element) =>
            (element.textContent ?? '').trim() === '' &&
            element.ariaLabel === null &&
            !(element as HTMLInputElement).labels?.length,
        ).length,
        small: controls.filter((element) => element.getBoundingClientRect().height < 24).length,
      };
    });
    expect(seen).toEqual({
      language: 'en',
      headings: 1,
      mains: 1,
      title: expect.stringMatching(/\w/),
      scrollsSideways: false,
      pale: [],
      nameless: 0,
      small: 0,
    });
    expect(problems).toEqual([]);
    await page.close();
  });

  it('/docs shows every route, with a call of it to paste into a shell', async () => {
    const page = await browser.newPage({ viewport: phone });
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(`${origin}/docs#getDeviceClip`, { waitUntil: 'networkidle' });
    const shown = await page.evaluate(() =>
      [...document.querySelectorAll('article')].map(({ id, textContent }) => ({ id, text: textContent })),
    );
    expect(problems).toEqual([]);
    expect(shown.map(({ id }) => id).sort()).toEqual(
      apiContracts.map(({ operationId }) => operationId).sort(),
    );
    const textOf = (wanted: string) => shown.find(({ id }) => id === wanted)?.text;
    expect(textOf('getOrder')).toMatch(/\/api\/account\/orders\/[0-9a-f-]{36}'/);
    expect(textOf('getDeviceClip')).toContain(
      "/api/devices/aovis-n4k-000123/clip?start=2026-11-20T10%3A00%3A00Z&end=2026-11-20T10%3A01%3A00Z'",
    );
    await page.close();
  });
});

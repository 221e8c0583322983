import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { type BrowserOnServer, openBrowserOn } from '../../testing/browser.ts';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { expireClaimsJob } from '../binding/claim-expiry.ts';
import { labelCode, otherCode, seedBoard, seedUser } from './testing/seed.ts';

jest.setTimeout(60_000);

describe('the page that the QR code of a label leads to, on a phone', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let origin: string;
  let opened: BrowserOnServer;
  let browser: Browser;
  let page: Page;
  let deviceId: string;

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
    deviceId = await seedBoard(database.knex);
  });

  const serial = () => deviceId.slice('aovis-'.length).toUpperCase();
  const scan = (code: string) => page.goto(`${origin}/a#${code.replaceAll('-', '')}`);
  const activate = async (board: string) => {
    await page.getByLabel('Camera, as on the label').fill(board);
    await page.getByRole('button', { name: 'Activate' }).click();
  };
  const message = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const signIn = async () =>
    page.setExtraHTTPHeaders({ Authorization: `Bearer ${await seedUser(database.knex)}` });

  it('takes the code out of the address, and makes the camera one’s own by serial or device id', async () => {
    await signIn();
    for (const nameOf of [serial, () => ` ${deviceId} `]) {
      deviceId = await seedBoard(database.knex);
      await scan(labelCode);
      expect(page.url()).toBe(`${origin}/a`);
      expect(await page.getByLabel('Activation code').inputValue()).toBe(
        labelCode.replace(/(.{6})(?!$)/g, '$1-'),
      );
      await activate(nameOf());
      await message(`Done. You find ${serial()} among your devices`);
      expect(await database.knex('device_ownerships').where({ device_id: deviceId })).toHaveLength(1);
      await page.goto('about:blank');
    }
  });

  it('says what to do about a wrong code, and what is no serial is not sent', async () => {
    await signIn();
    await scan(otherCode);
    await activate(serial());
    await message('The device id or the activation code is not right.');
    await page.getByLabel('Activation code').fill(labelCode);
    await activate('a camera');
    expect(await page.locator('#device:invalid').count()).toBe(1);
    await activate(serial());
    await message('Done');
  });

  it('offers a link to sign in, and goes on where it was', async () => {
    await scan(labelCode);
    await activate(serial());
    await message('Sign in first');
    await page.getByLabel('Your e-mail address').fill('anna@example.com');
    await page.getByRole('button', { name: 'Mail me a link' }).click();
    await message('A link is on its way to anna@example.com');
    expect(await database.knex('magic_links').where({ email: 'anna@example.com' })).toHaveLength(1);
    await signIn();
    await page.getByRole('button', { name: 'Activate' }).click();
    await message('Done');
    expect(await page.getByLabel('Your e-mail address').isVisible()).toBe(false);
  });

  it('waits for a camera that has to confirm, and says why it did not', async () => {
    const db = database.knex;
    await signIn();
    deviceId = await seedBoard(db, { activationPolicy: 'label+device' });
    app.shadows.put(deviceId, undefined, { reported: { binding: { claimable: true, epoch: 0 } } as never });
    await db('device_presence').insert({
      device_id: deviceId,
      online: true,
      version: 1,
      session_id: 's',
      changed_at: new Date(),
    });
    await scan(labelCode);
    await activate(serial());
    await message('The camera is asked to confirm');
    app.clock.advance(121_000);
    await expireClaimsJob({ db, clock: app.clock }).run(new AbortController().signal);
    await message('The device did not confirm in time');
    expect(await page.getByLabel('Activation code').isVisible()).toBe(true);
  });
});

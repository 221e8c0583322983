import { setEntitlementStatus } from '@aovis/backend/features/entitlements/entitlement-grants';
import type { LiveRefusal, LiveReply } from '@aovis/contracts/live-view';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expectAnswer } from './expect-answer.ts';
import { type LivePage, serveLivePage } from './live-page.ts';
import { LiveSystem } from './testing/live-system.ts';
import { waitFor } from './wait-for.ts';

jest.setTimeout(120_000);

/** What the page tells of itself. */
interface Shown {
  state: string;
  refused: LiveRefusal | null;
  firstFrameMs: number | null;
  framesDecoded: number;
  replies: LiveReply[];
  attempts: number;
}

describe.each(['node-datachannel', 'werift'])(
  'the live view in Chromium, from a board with %s',
  (library) => {
    let database: TestDatabase;
    let live: LiveSystem;
    let page: LivePage;
    let browser: Browser;

    beforeAll(async () => {
      database = await createTestDatabase();
      live = await LiveSystem.start({
        databaseUrl: database.url,
        settings: {
          AOVIS_AGENT_LIVE_VIEW_LIBRARY: library,
          AOVIS_AGENT_LIVE_VIEW_ADDRESS: '127.0.0.1',
        },
      });
      page = await serveLivePage(() => live.anna.inviteViewer(live.deviceId));
      browser = await chromium.launch({
        executablePath: process.env['AOVIS_CHROMIUM'] ?? '/usr/bin/chromium',
        args: [
          '--no-sandbox',
          '--disable-background-networking',
          '--allow-loopback-in-peer-connection',
          '--disable-features=WebRtcHideLocalIpsWithMdns',
        ],
      });
    });
    afterEach(async () => {
      for (const tab of browser.contexts().flatMap((context) => context.pages())) await tab.close();
      await untilViewers(0);
    });
    afterAll(async () => {
      await browser?.close();
      await page?.close();
      await live?.stop();
      await database?.drop();
    });

    const openTab = async ({ url } = page): Promise<Page> => {
      const tab = await browser.newPage();
      await tab.goto(url);
      return tab;
    };

    const shown = (tab: Page): Promise<Shown> =>
      tab.evaluate(() => (window as unknown as { live: Shown }).live);

    const untilShown = async (tab: Page, matches: (now: Shown) => boolean): Promise<Shown> =>
      waitFor('The page', async () => {
        const now = await shown(tab);
        if (matches(now)) return now;
        throw new Error(JSON.stringify(now));
      });

    const watch = async (): Promise<Page> => {
      const tab = await openTab();
      await untilShown(tab, ({ firstFrameMs }) => firstFrameMs !== null);
      return tab;
    };

    const picture = (tab: Page) =>
      tab.evaluate(() => {
        const video = document.querySelector('video') as HTMLVideoElement;
        const { totalVideoFrames } = video.getVideoPlaybackQuality();
        return {
          width: video.videoWidth,
          height: video.videoHeight,
          at: video.currentTime,
          frames: totalVideoFrames,
        };
      });

    const untilMoving = async (tab: Page): Promise<void> => {
      const before = await picture(tab);
      await waitFor('A moving picture', async () => {
        const now = await picture(tab);
        return now.frames >= before.frames + 15 && now.at > before.at ? true : undefined;
      });
    };

    const untilViewers = (count: number) =>
      waitFor(`${count} viewers`, async () => {
        const { parts } = (await live.board.status()) as unknown as {
          parts: { name: string; detail: string }[];
        };
        const detail = parts.find(({ name }) => name === 'live view')?.detail;
        if (detail?.startsWith(`${count} of 10`)) return true;
        throw new Error(detail);
      });

    it('shows what the camera sees, and tells how soon', async () => {
      const tab = await watch();
      await untilMoving(tab);
      await untilShown(tab, ({ framesDecoded }) => framesDecoded >= 30);
      expect(await picture(tab)).toMatchObject({ width: 1280, height: 720 });
      const { firstFrameMs } = await shown(tab);
      process.stdout.write(`${library}: first frame after ${firstFrameMs} ms\n`);
      expect(firstFrameMs).toBeLessThan(5_000);
    });

    it('serves a second viewer, and goes on when one leaves', async () => {
      const [first, second] = [await watch(), await watch()];
      await untilViewers(2);
      await first.close();
      await untilViewers(1);
      await untilMoving(second);
    });

    it('takes the owner’s commands', async () => {
      const tab = await watch();
      await tab.click('text=Which board is it?');
      const { replies } = await untilShown(tab, (now) => now.replies.length >= 2);
      expect(replies.map(({ status }) => status)).toEqual(['accepted', 'succeeded']);
    });

    it('survives the loss of the signaling service: who watches goes on, who comes later is served', async () => {
      const first = await watch();
      await live.signaling('disconnect');
      await untilMoving(first);
      await live.untilMaster();
      await untilMoving(await watch());
      expect((await shown(first)).attempts).toBe(1);
    });

    it('moves to another signaling connection when the service asks it to, and nobody notices', async () => {
      const first = await watch();
      await live.signaling('go-away', { graceMs: 60_000 });
      await live.signaling('reconnect-ice-server');
      await untilMoving(await watch());
      expect((await shown(first)).attempts).toBe(1);
      await untilViewers(2);
    });

    it('comes back by itself when the board was without power', async () => {
      const tab = await watch();
      await live.board.kill();
      live.board.start();
      await live.untilMaster();
      await untilShown(tab, ({ attempts, state }) => attempts > 1 && state === 'connected');
      await untilMoving(tab);
    });

    it('outlives a short cut in the same session, and a long one in a new one', async () => {
      const tab = await watch();
      live.cutOff();
      await untilShown(tab, ({ state }) => state === 'disconnected');
      live.uncut();
      expect(await untilShown(tab, ({ state }) => state === 'connected')).toMatchObject({ attempts: 1 });
      await untilMoving(tab);
      live.cutOff();
      await untilShown(tab, ({ attempts }) => attempts === 2);
      live.uncut();
      await untilShown(tab, ({ state }) => state === 'connected');
      await untilMoving(tab);
    });

    it('cuts a guest off within seconds when the owner ends the share, and nobody else', async () => {
      const { guest, endShare } = await live.shareWith('ben@example.com');
      const guestPage = await serveLivePage(() => guest.inviteViewer(live.deviceId));
      const owners = await watch();
      const guests = await openTab(guestPage);
      await untilShown(guests, ({ firstFrameMs }) => firstFrameMs !== null);
      // Asked for while the share lasted, and good for five minutes as far as the signaling service goes.
      const kept = expectAnswer(await guest.inviteViewer(live.deviceId), 200);
      await endShare();
      const { refused } = await untilShown(guests, ({ state }) => state === 'refused');
      expect(refused?.code).toBe('device_not_found');
      await guestPage.close();
      const late = await serveLivePage(async () => ({ status: 200, body: kept }));
      const again = await openTab(late);
      await waitFor('The refusal', async () =>
        (await again.textContent('#state'))?.includes('invitation to the live view is over')
          ? true
          : undefined,
      );
      await late.close();
      expect((await shown(owners)).attempts).toBe(1);
      await untilMoving(owners);
    });

    it('refuses an eleventh viewer, and says why', async () => {
      const tabs: Page[] = [];
      for (let i = 0; i < 10; i++) tabs.push(await watch());
      await untilViewers(10);
      const eleventh = await openTab();
      const { refused } = await untilShown(eleventh, ({ state }) => state === 'refused');
      expect(refused?.code).toBe('too_many_viewers');
      expect(await eleventh.textContent('#state')).toContain('10 viewers watch this camera already');
      await tabs[0]?.close();
      await untilViewers(9);
      await eleventh.reload();
      await untilShown(eleventh, ({ firstFrameMs }) => firstFrameMs !== null);
    });

    it('cuts everybody off within seconds when the plan is taken back, and serves them when it is given again', async () => {
      const tab = await watch();
      const [right] = await database.knex('entitlements').where({ device_id: live.deviceId }).pluck('id');
      const set = (status: 'suspended' | 'active') =>
        setEntitlementStatus(database.knex, right, { status, reason: 'test', now: new Date() });
      await set('suspended');
      const { refused } = await untilShown(tab, ({ state }) => state === 'refused');
      expect(refused?.code).toBe('entitlement_required');
      await untilViewers(0);
      await set('active');
      // Invitations of the next seconds still count to the time before.
      await waitFor('The picture', async () => {
        const { state, firstFrameMs } = await shown(tab);
        if (state === 'refused') await tab.reload();
        return firstFrameMs === null ? undefined : true;
      });
    });

    it('cuts everybody off within seconds when the board is released', async () => {
      const tab = await watch();
      expectAnswer(await live.anna.call('DELETE', `/api/devices/${live.deviceId}`), 200);
      const { refused } = await untilShown(tab, ({ state }) => state === 'refused');
      expect(refused?.code).toBe('device_not_found');
      await untilViewers(0);
    });
  },
);

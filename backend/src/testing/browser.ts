import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium } from 'playwright-core';

/** Where the pages of a server under test are, and a browser to look at them. */
export interface BrowserOnServer {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  browser: Browser;
  close(): Promise<void>;
}

/** Serves on a free loopback port and starts the Chromium that is installed here (`AOVIS_CHROMIUM`). */
export async function openBrowserOn(server: Server): Promise<BrowserOnServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const browser = await chromium.launch({
    executablePath: process.env.AOVIS_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    browser,
    close: async () => {
      await browser.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

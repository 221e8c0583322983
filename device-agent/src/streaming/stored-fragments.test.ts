import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { findStoredFragments } from './stored-fragments.ts';
import { PutMediaServer } from './testing/put-media-server.ts';

let server: PutMediaServer;
beforeEach(async () => {
  server = new PutMediaServer();
  await server.start();
});
afterEach(() => server.stop());

const caller = {
  region: 'eu-central-1',
  streamName: 'aovis-stream-x',
  credentials: {
    forget: () => undefined,
    get: () =>
      Promise.resolve({
        accessKeyId: 'A',
        secretAccessKey: 's',
        sessionToken: 't',
        expiresAt: new Date(0),
      }),
  },
  clock: new FakeClock(),
  userAgent: 'test',
};

it('finds what is stored in a range, over all pages', async () => {
  const first = 1_700_000_000_001;
  server.persisted.push(...[-5_000, 0, 1_001, 2_002, 3_003, 4_004, 9_000].map((ms) => first + ms));
  const range = { fromMs: first, toMs: first + 4_004 };
  const stored = await findStoredFragments(caller, server.url, range, new AbortController().signal);
  expect([...stored]).toEqual([0, 1_001, 2_002, 3_003, 4_004].map((ms) => first + ms));
});

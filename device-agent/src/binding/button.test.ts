import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { ButtonServer, buttonSocket } from './button-server.ts';
import type { WindowRefusal } from './ownership-keeper.ts';
import { pressButton } from './press-button.ts';

const never = new AbortController().signal;

async function serve(directory: string, refusal: WindowRefusal | undefined): Promise<ButtonServer> {
  const status = () => ({
    claimable: true,
    ownership: undefined,
    windowClosesAt: Date.UTC(2026, 10, 20, 12),
  });
  const keeper = { openWindow: async () => refusal, status };
  const server = new ButtonServer({ directory, keeper });
  await server.start(never);
  return server;
}

it('answers a press with what it came to', async () => {
  const directory = await temporaryDirectory();
  // As a killed agent leaves it.
  await writeFile(join(directory, buttonSocket), '');
  const server = await serve(directory, undefined);
  expect(await pressButton(directory)).toEqual({
    claimable: true,
    sentence: 'This board can be claimed until 2026-11-20T12:00:00.000Z: activate it in the app.',
  });
  await server.stop();
  await server.stop();
});

it.each([
  ['owned', 'release it in the app'],
  ['unknown', 'connect it'],
  ['not_stored', 'free space'],
] as const)('says what to do when the board is %s', async (refusal, words) => {
  const directory = await temporaryDirectory();
  const server = await serve(directory, refusal);
  expect(await pressButton(directory)).toEqual({
    claimable: false,
    sentence: expect.stringContaining(words),
  });
  await server.stop();
});

it('finds nobody where no agent runs', async () => {
  const directory = await temporaryDirectory();
  expect(await pressButton(directory)).toBeUndefined();
  expect(await pressButton(join(directory, 'nowhere'))).toBeUndefined();
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from '@jest/globals';
import type { Program } from '../commands/run-program.ts';
import { createLogger } from '../host/logger.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { ClaimLight } from './claim-light.ts';

const logger = createLogger({ level: 'silent' });
const never = new AbortController().signal;

let shows: string;
let program: Program;
let claimable: boolean;
beforeEach(async () => {
  shows = join(await temporaryDirectory(), 'shows');
  await writeFile(shows, '');
  const script = `require('node:fs').appendFileSync(${JSON.stringify(shows)}, process.env.AOVIS_CLAIMABLE + ' ')`;
  program = [process.execPath, '-e', script];
  claimable = false;
});

const shown = (): Promise<string> => readFile(shows, 'utf8');

it('is off, on while the board can be claimed, and off at the end', async () => {
  const light = new ClaimLight({ program, claimable: () => claimable, logger });
  await light.start(never);
  await light.start(never);
  claimable = true;
  light.show();
  await until(() => light.health().detail === 'on');
  light.show();
  await light.stop();
  await light.stop();
  expect(await shown()).toBe('no yes no ');
});

it('shows what is, not each change on the way', async () => {
  const light = new ClaimLight({ program, claimable: () => claimable, logger });
  await light.start(never);
  for (let i = 0; i < 9; i++) {
    claimable = !claimable;
    light.show();
  }
  await until(() => light.health().detail === 'on');
  await light.stop();
  expect(await shown()).toBe('no yes no ');
});

it('does without a program, and with one that fails', async () => {
  const none = new ClaimLight({ program: undefined, claimable: () => true, logger });
  await none.start(never);
  await none.stop();
  expect(none.health()).toEqual({ ok: true, detail: 'has no light' });
  const broken = new ClaimLight({ program: ['/no/such/light'], claimable: () => true, logger });
  await broken.start(never);
  await broken.stop();
  expect(broken.health().ok).toBe(true);
});

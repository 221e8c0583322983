import { beforeEach, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { SoftwareStore } from './software-store.ts';
import { TrialWatch, wellForMs, wellWithinMs } from './trial-watch.ts';

let store: SoftwareStore;
let clock: FakeClock;
let unwell: string[];
let restarts: number;
let confirmed: number;

beforeEach(async () => {
  store = new SoftwareStore(await temporaryDirectory());
  clock = new FakeClock();
  unwell = [];
  restarts = 0;
  confirmed = 0;
  await store.write({
    schema_version: 1,
    active: 'b',
    trial: { slot: 'a', version: '0.2.0', job_id: 'job', starts: 1, well: ['iot', 'camera', 'gone'] },
  });
});

async function watch(onTrial = true): Promise<TrialWatch> {
  const software = {
    slot: 'a',
    version: '0.2.0',
    onTrial,
    clipPath: '',
    stop: new AbortController().signal,
  } as const;
  const logger = createLogger({ level: 'silent' });
  const restart = (): void => void (restarts += 1);
  const trial = new TrialWatch({ store, software, clock, logger, unwellParts: () => unwell, restart });
  trial.onConfirmed(() => (confirmed += 1));
  await trial.start(new AbortController().signal);
  return trial;
}

it('keeps a release by which all was well for half a minute that was well before', async () => {
  unwell = ['another'];
  const trial = await watch();
  await clock.advance(wellForMs);
  await until(() => confirmed === 1);
  expect(await store.read()).toEqual({ schema_version: 1, active: 'a' });
  await trial.stop();
});

it('begins to count again after every break', async () => {
  const trial = await watch();
  await clock.advance(wellForMs - 5_000);
  unwell = ['iot'];
  await clock.advance(5_000);
  expect(trial.health().detail).toContain('iot');
  unwell = [];
  await clock.advance(wellForMs);
  expect(confirmed).toBe(0);
  await clock.advance(5_000);
  await until(() => confirmed === 1);
  await trial.stop();
});

it('gives up a release by which something stays unwell', async () => {
  unwell = ['camera'];
  const trial = await watch();
  await clock.advance(wellWithinMs);
  await until(() => restarts === 1);
  expect(await store.read()).toEqual({
    schema_version: 1,
    active: 'b',
    rolled_back: { job_id: 'job', version: '0.2.0', reason: expect.stringContaining('camera') },
  });
  await trial.stop();
});

it('decides nothing when the release counts already, or the agent stops', async () => {
  await watch(false);
  expect(clock.pending).toEqual([]);
  const trial = await watch();
  await trial.stop();
  expect(clock.pending).toEqual([]);
});

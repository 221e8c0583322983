import { join } from 'node:path';
import { boardEventSchema } from '@aovis/contracts/events';
import { telemetryBatchSchema } from '@aovis/contracts/telemetry';
import { beforeEach, expect, it } from '@jest/globals';
import { monotonicFactory } from 'ulid';
import { createLogger } from '../host/logger.ts';
import type { PublishOutcome, QueuedMessage } from '../queue/queued-message.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { BoardEvents } from './board-events.ts';
import { announceBoot } from './boot.ts';
import { Telemetry } from './telemetry.ts';

const thing = 'aovis-n4k-000123';
const newUlid = monotonicFactory();

let clock: FakeClock;
let published: QueuedMessage[];

beforeEach(() => {
  clock = new FakeClock();
  published = [];
});

const publish = (message: QueuedMessage): Promise<PublishOutcome> => {
  published.push(message);
  return Promise.resolve('stored');
};
const createEvents = (): BoardEvents => new BoardEvents({ thing, clock, newUlid, publish });
const events = (): unknown[] => published.map(({ payload }) => boardEventSchema.parse(JSON.parse(payload)));

it('numbers events and gives each an id of its own', () => {
  const board = createEvents();
  board.emit('motion', {});
  board.emit('stream_state', { state: 'streaming' });
  expect(events()).toMatchObject([
    { type: 'motion', seq: 0, occurred_at: clock.now() },
    { type: 'stream_state', seq: 1, data: { state: 'streaming' } },
  ]);
  expect(new Set(published.map(({ payload }) => JSON.parse(payload).event_id)).size).toBe(2);
  expect(published[0]).toMatchObject({ class: 'event', topic: `aovis/${thing}/event` });
});

it('says at a start whether the machine started too', async () => {
  const path = join(await temporaryDirectory(), 'last-boot.json');
  const options = { path, bootId: 'B', agentVersion: '1', logger: createLogger({ level: 'silent' }) };
  for (const machineBootId of ['first', 'first', 'second', undefined])
    await announceBoot(createEvents(), { ...options, machineBootId });
  expect(events().map((event) => boardEventSchema.parse(event).data.cause)).toEqual([
    'machine_started',
    'agent_restarted',
    'machine_started',
    'machine_started',
  ]);
});

it('sends a batch of telemetry at every interval, also at a new one', async () => {
  const telemetry = new Telemetry({
    thing,
    clock,
    newUlid,
    publish,
    intervalSeconds: 60,
    measure: () => [{ metric: 'rss', value: 1, unit: 'bytes' }],
  });
  await telemetry.start(new AbortController().signal);
  await clock.advance(120_000);
  expect(published).toHaveLength(2);
  telemetry.setInterval(10);
  await clock.advance(10_000);
  expect(published).toHaveLength(3);
  const batches = published.map(({ payload }) => telemetryBatchSchema.parse(JSON.parse(payload)));
  expect(batches[2]?.samples).toEqual([{ metric: 'rss', value: 1, unit: 'bytes', at: clock.now() }]);
  await telemetry.stop();
  expect(clock.pending).toEqual([]);
});

import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { boardEventSchema } from '@aovis/contracts/events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { monotonicFactory } from 'ulid';
import { createLogger } from '../host/logger.ts';
import { OutboundQueue } from '../queue/outbound-queue.ts';
import { SimulatedDisk } from '../queue/testing/simulated-disk.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { BoardEvents } from './board-events.ts';
import { parseEventArguments } from './event-command.ts';
import { eventAnswerSchema, eventSocket } from './event-request.ts';
import { EventServer } from './event-server.ts';
import { reportEvent } from './report-event.ts';

let directory: string;
let clock: FakeClock;
let disk: SimulatedDisk;
let queue: OutboundQueue;
let server: EventServer;

beforeEach(async () => {
  directory = await temporaryDirectory();
  clock = new FakeClock();
  disk = new SimulatedDisk();
  queue = new OutboundQueue({
    directory: '/outbox',
    clock,
    logger: createLogger({ level: 'silent' }),
    fileSystem: disk,
  });
  await queue.open();
  const events = new BoardEvents({
    thing: 'aovis-n4k-000123',
    clock,
    newUlid: monotonicFactory(),
    publish: (message) => queue.add(message),
  });
  server = new EventServer({ directory, events, clock });
  await server.start(new AbortController().signal);
});

afterEach(async () => {
  await server.stop();
  await queue.close();
});

/** What waits to be sent first. */
async function firstEvent(): Promise<unknown> {
  const head = queue.head();
  const message = head && (await queue.read(head));
  return message && boardEventSchema.parse(JSON.parse(message.payload));
}

it('answers when the event is on the disk', async () => {
  const answer = await reportEvent(directory, { type: 'motion', data: { zone: 'door' } });
  expect(answer).toMatchObject({ outcome: 'stored', sentence: expect.stringContaining('stored') });
  expect(await firstEvent()).toMatchObject({
    event_id: answer?.event_id,
    type: 'motion',
    seq: 0,
    data: { zone: 'door' },
  });
});

it('says that an event waits in memory while the disk takes nothing', async () => {
  disk.readOnly = true;
  const answering = reportEvent(directory, { type: 'alarm' });
  await until(() => queue.depth === 1);
  await clock.advance(4_000);
  expect(await answering).toMatchObject({
    outcome: 'waiting',
    sentence: expect.stringContaining('Free space'),
  });
  expect(await firstEvent()).toMatchObject({ type: 'alarm' });
});

it('says that an event is dropped', async () => {
  const answer = await reportEvent(directory, { type: 'alarm', data: { text: 'x'.repeat(60_000) } });
  expect(answer?.outcome).toBe('stored');
  await queue.close();
  expect(await reportEvent(directory, { type: 'alarm' })).toMatchObject({ outcome: 'refused' });
});

it.each([
  ['no JSON', 'motion'],
  ['a type that only the agent itself may say', '{"type":"boot","data":{}}'],
  ['an unknown field', '{"type":"motion","seq":3}'],
  ['more than an event may hold', 'x'.repeat(70_000)],
])('refuses %s', async (_what, request) => {
  const connection = createConnection(join(directory, eventSocket));
  connection.end(request);
  expect(eventAnswerSchema.parse(JSON.parse(await text(connection)))).toMatchObject({ outcome: 'refused' });
  expect(queue.depth).toBe(0);
});

it('does not wait for ever for who says nothing', async () => {
  const connection = createConnection(join(directory, eventSocket));
  await until(() => clock.pending.length > 0);
  await clock.advance(4_000);
  expect(JSON.parse(await text(connection))).toMatchObject({ outcome: 'refused' });
});

it('finds nobody where no agent runs', async () => {
  await server.stop();
  expect(await reportEvent(directory, { type: 'motion' })).toBeUndefined();
});

it('understands the command line', () => {
  expect(parseEventArguments('motion')).toEqual({ type: 'motion', data: {} });
  expect(parseEventArguments('alarm', '{"level":2}')).toEqual({ type: 'alarm', data: { level: 2 } });
  expect(() => parseEventArguments('motion', 'door')).toThrow('is not JSON');
  expect(() => parseEventArguments('motion', '[1]')).toThrow('give an object');
});

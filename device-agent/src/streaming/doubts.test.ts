import { afterEach, expect, it } from '@jest/globals';
import { ServiceCallError, unreachable } from './service-call.ts';
import { fragmentAt, startLoop, stopLoops } from './testing/upload-loop-stand.ts';

afterEach(stopLoops);

it('sends again what is not persisted when the host may be dead', async () => {
  const { clock, connection, send } = startLoop();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3));
  connection(0).listener.onAccepted();
  connection(0).acknowledge(1);
  connection(0).ack('RECEIVED', 2);
  connection(0).breakOff();
  await clock.advance(2_000);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<2a>', '<2b>', '<3a>', '<3b>']);
});

it('asks after a lost connection what is stored, and sends only the rest again', async () => {
  const { clock, connection, send, asked, stored, counts } = startLoop();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3));
  connection(0).listener.onAccepted();
  connection(0).ack('RECEIVED', 1);
  stored.add(1_000);
  connection(0).breakOff();
  await clock.advance(2_000);
  expect(asked).toEqual([
    { fromMs: 1_000, toMs: 3_000 },
    { fromMs: 2_000, toMs: 3_000 },
  ]);
  expect(counts.persisted).toBe(1);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<2a>', '<2b>', '<3a>', '<3b>']);
});

it('asks again before it sends again: what was under way when the connection was lost may arrive yet', async () => {
  const { clock, connections, connection, send, asked, stored, buffer } = startLoop();
  await send(fragmentAt(1), fragmentAt(2));
  connection(0).listener.onAccepted();
  connection(0).breakOff();
  await clock.advance(1_000);
  expect([asked.length, connections.length]).toEqual([1, 1]);
  stored.add(1_000).add(2_000);
  await clock.advance(1_000);
  expect([asked.length, buffer.fragments, connections.length]).toEqual([2, [], 1]);
});

it('believes at once that nothing is stored when the connection was lost long ago', async () => {
  const { clock, connections, connection, send, asked, faults } = startLoop();
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  faults.archive = new ServiceCallError('GetDataEndpoint failed: no route', unreachable);
  connection(0).breakOff();
  await clock.advance(10_000);
  faults.archive = undefined;
  await clock.advance(1_500);
  expect([asked.length, connections.length]).toEqual([1, 2]);
});

it.each([
  ['sends again what was RECEIVED and is not stored', [], 2],
  ['knows what is stored', [1_000], 1],
] as const)('%s when a connection that is ending never says PERSISTED', async (_, kept, count) => {
  const { connections, connection, send, pass, stored, buffer } = startLoop();
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  for (const eventType of ['BUFFERING', 'RECEIVED']) connection(0).ack(eventType, 1);
  for (const timecodeMs of kept) stored.add(timecodeMs);
  await pass(27);
  expect([connection(0).ended, connection(0).closed, connections.length]).toEqual([true, true, count]);
  expect(buffer.fragments).toHaveLength(count - 1);
});

it.each([
  ['at once when it may not ask', 'stop', 1],
  ['after three questions without an answer', 'resend', 3],
] as const)('sends again %s', async (_, decision, questions) => {
  const { clock, connections, connection, send, faults, asked } = startLoop();
  faults.list = new ServiceCallError('ListFragments was refused.', { name: '', decision, advice: '' });
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  connection(0).breakOff();
  await clock.advance(6_000);
  expect([asked.length, connections.length]).toEqual([questions, 2]);
});

it('waits for the network with its question, however long the outage', async () => {
  const { clock, connections, connection, send, faults, asked, stored } = startLoop();
  await send(fragmentAt(1), fragmentAt(2));
  connection(0).listener.onAccepted();
  stored.add(1_000);
  faults.archive = new ServiceCallError('GetDataEndpoint failed: no route', unreachable);
  connection(0).breakOff();
  await clock.advance(60_000);
  expect([asked.length, connections.length]).toEqual([0, 1]);
  faults.archive = undefined;
  await clock.advance(1_500);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<2a>', '<2b>']);
});

it('does not send again what a living host has received', async () => {
  const { clock, connection, send, buffer } = startLoop();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3));
  connection(0).listener.onAccepted();
  connection(0).ack('RECEIVED', 2);
  connection(0).listener.onEnd({ kind: 'ended', reason: 'the service ended the connection' });
  await clock.advance(1_000);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<3a>', '<3b>']);
  expect(buffer.fragments).toHaveLength(1);
});

it('takes a host for dead that acknowledges nothing, with more patience each time', async () => {
  const { connections, connection, send, pass, loop } = startLoop();
  await send(fragmentAt(1), fragmentAt(2));
  const lives: number[] = [];
  for (let i = 0; i < 3; i++) {
    connection(i).listener.onAccepted();
    let seconds = 0;
    for (; !connection(i).closed; seconds++) await pass(1);
    lives.push(seconds);
    while (connections.length === i + 1) await pass(1);
  }
  expect(lives).toEqual([5, 10, 20]);
  expect(loop.problem?.message).toBe('No acknowledgement came for 20 s.');
});

it('sends what a draining connection lost before what is newer', async () => {
  const { connections, connection, send, pass, clock } = startLoop({ credentialsLastMs: 600_000 });
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  let second = 1;
  while (connections.length === 1) {
    connection(0).acknowledge(second);
    await send(fragmentAt(++second));
    await pass(1);
  }
  connection(1).listener.onAccepted();
  const lost = second;
  await send(fragmentAt(++second));
  connection(0).breakOff();
  await clock.advance(2_000);
  expect(connection(1).ended).toBe(true);
  connection(1).acknowledge(second);
  connection(2).listener.onAccepted();
  expect(connection(2).written).toEqual(['<header>', `<${lost}a>`, `<${lost}b>`]);
});

import { afterEach, expect, it } from '@jest/globals';
import { settle } from '../testing/fake-clock.ts';
import { Fragment } from './fragment.ts';
import { fragmentAt, segment, startLoop, stopLoops } from './testing/upload-loop-stand.ts';

afterEach(stopLoops);

const endTag = expect.stringContaining('END_OF_FRAGMENT');

it('sends fragments picture by picture once the service has accepted', async () => {
  const { connection, requests, send, buffer, counts, loop } = startLoop();
  const open = new Fragment(segment, 1_000);
  open.append(Buffer.from('<1a>'), 1_000);
  await send(open);
  expect(requests[0]?.producerStartMs).toBe(1_000);
  expect(connection(0).written).toEqual([]);
  connection(0).listener.onAccepted();
  expect(connection(0).written).toEqual(['<header>', '<1a>']);
  open.append(Buffer.from('<1b>'), 1_500);
  loop.advance();
  expect(connection(0).written.at(-1)).toBe('<1b>');
  open.close();
  connection(0).acknowledge(1);
  // While its end has not been sent, PERSISTED cannot be meant for the whole.
  loop.advance();
  connection(0).acknowledge(1);
  expect([buffer.fragments.length, counts.persisted]).toEqual([0, 1]);
});

it('sends after a second when the service says nothing, and stops when the socket is full', async () => {
  const { clock, connection, send } = startLoop();
  await send(fragmentAt(1), fragmentAt(2));
  connection(0).full = true;
  await clock.advance(1_000);
  expect(connection(0).written).toEqual(['<header>']);
  connection(0).full = false;
  connection(0).listener.onDrain();
  expect(connection(0).written).toEqual(['<header>', '<1a>', '<1b>', '<2a>', '<2b>']);
});

it('waits for a slow uplink as long as acknowledgements keep coming', async () => {
  const { connection, connections, send, pass, loop, counts } = startLoop();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3), fragmentAt(4));
  connection(0).listener.onAccepted();
  for (const second of [1, 2, 3, 4]) {
    await pass(4);
    connection(0).acknowledge(second);
  }
  expect([connections.length, loop.problem, counts.persisted]).toEqual([1, undefined, 4]);
});

it('hands over to a new connection before the credentials expire, with the next fragment', async () => {
  const { clock, connections, connection, requests, send, pass, buffer } = startLoop({
    credentialsLastMs: 900_000,
  });
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  let second = 1;
  while (connections.length === 1) {
    connection(0).acknowledge(second);
    await send(fragmentAt(++second));
    await pass(1);
  }
  // 15 minutes less the margin of a minute and half of the jitter.
  expect(clock.monotonic() / 1_000).toBeCloseTo(900 - 60 - 15, -1);
  expect((requests[1]?.credentials.expiresAt.getTime() ?? 0) - clock.now()).toBeGreaterThan(800_000);
  await send(fragmentAt(++second));
  expect([connection(0).ended, connection(1).written]).toEqual([false, []]);

  connection(1).listener.onAccepted();
  expect([connection(0).written.at(-1), connection(0).ended]).toEqual([endTag, true]);
  await send(fragmentAt(++second));
  expect(connection(1).written).toEqual(['<header>', `<${second}a>`, `<${second}b>`]);
  expect(connection(0).closed).toBe(false);
  connection(0).acknowledge(second - 1);
  expect([connection(0).closed, connection(1).closed]).toEqual([true, false]);
  expect(buffer.fragments.map(({ timecodeMs }) => timecodeMs)).toEqual([second * 1_000]);
});

it('hands over after 40 minutes, since the service cuts at 45', async () => {
  const { clock, connections, connection, send, pass } = startLoop({ credentialsLastMs: 12 * 3_600_000 });
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  for (let second = 1; connections.length === 1; second++) {
    connection(0).acknowledge(second);
    await send(fragmentAt(second + 1));
    await pass(1);
  }
  expect(Math.round(clock.monotonic() / 60_000)).toBe(40);
});

it('closes the old connection first where the service allows one only', async () => {
  const { connections, connection, send, pass } = startLoop({ credentialsLastMs: 600_000 });
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  let second = 1;
  while (connections.length === 1) {
    connection(0).acknowledge(second);
    await send(fragmentAt(++second));
    await pass(1);
  }
  connection(1).listener.onEnd({
    kind: 'refused',
    status: 400,
    exception: 'ConnectionLimitExceededException',
  });
  expect(connection(0).ended).toBe(true);
  connection(0).acknowledge(second);
  expect(connection(0).closed).toBe(true);
  await send(fragmentAt(++second));
  await pass(2);
  connection(2).listener.onAccepted();
  expect(connection(2).written).toEqual(['<header>', `<${second}a>`, `<${second}b>`]);
});

it('opens another connection for another track', async () => {
  const { connection, send, pass } = startLoop();
  const other = { header: Buffer.from('<other>') };
  await send(fragmentAt(1), fragmentAt(2, other));
  connection(0).listener.onAccepted();
  expect(connection(0).written).toEqual(['<header>', '<1a>', '<1b>', endTag]);
  await pass(1);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<other>', '<2a>', '<2b>']);
});

it('ends a connection that has had nothing to send for 5 s', async () => {
  const { connection, connections, send, pass } = startLoop();
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  connection(0).acknowledge(1);
  await pass(7);
  expect([connection(0).written.at(-1), connection(0).closed, connections.length]).toEqual([endTag, true, 1]);
});

it('stops with the end tag and waits for PERSISTED', async () => {
  const { connection, send, loop, buffer } = startLoop();
  await send(fragmentAt(1), fragmentAt(2));
  connection(0).listener.onAccepted();
  let stopped = false;
  const stopping = loop.stop(5_000).then(() => {
    stopped = true;
  });
  await settle();
  expect([connection(0).written.at(-1), connection(0).ended, stopped]).toEqual([endTag, true, false]);
  connection(0).acknowledge(2);
  await stopping;
  expect([connection(0).closed, buffer.fragments.length]).toEqual([true, 0]);
});

it('stops after the time it is given when nothing is persisted, and keeps what is not', async () => {
  const { clock, connection, send, loop, buffer } = startLoop();
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  const stopping = loop.stop(5_000);
  await clock.advance(5_000);
  await stopping;
  expect([connection(0).closed, buffer.fragments.map(({ state }) => state)]).toEqual([true, ['waiting']]);
});

import { afterEach, expect, it } from '@jest/globals';
import { CredentialError } from '../credentials/credential-error.ts';
import { createLogger } from '../host/logger.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import type { Ack } from './ack-parser.ts';
import { Fragment } from './fragment.ts';
import { FragmentBuffer } from './fragment-buffer.ts';
import type { Connection, ConnectionListener } from './put-media-connection.ts';
import { ServiceCallError, unreachable } from './service-call.ts';
import type { ProducerTimeRange } from './stored-fragments.ts';
import { type ConnectRequest, UploadLoop } from './upload-loop.ts';

/** A connection whose other end the test plays. */
class FakeConnection implements Connection {
  readonly listener: ConnectionListener;
  readonly openedAt: number;
  readonly written: string[] = [];
  ended = false;
  closed = false;
  full = false;

  constructor(listener: ConnectionListener, openedAt: number) {
    this.listener = listener;
    this.openedAt = openedAt;
  }

  write(chunk: Buffer): boolean {
    this.written.push(chunk.toString('latin1'));
    return !this.full;
  }

  endBody(): void {
    this.ended = true;
  }

  close(): void {
    this.closed = true;
  }

  ack(eventType: string, second?: number, more: Partial<Ack> = {}): void {
    const named = second === undefined ? {} : { FragmentTimecode: second * 1_000 };
    this.listener.onAck({ EventType: eventType, ...named, ...more });
  }

  acknowledge(second: number): void {
    for (const eventType of ['BUFFERING', 'RECEIVED', 'PERSISTED']) this.ack(eventType, second);
  }

  breakOff(): void {
    this.listener.onEnd({ kind: 'broken', reason: 'read ECONNRESET' });
  }
}

const segment = { header: Buffer.from('<header>') };

function fragmentAt(second: number, of = segment): Fragment {
  const fragment = new Fragment(of, second * 1_000);
  fragment.append(Buffer.from(`<${second}a>`), second * 1_000);
  fragment.append(Buffer.from(`<${second}b>`), second * 1_000 + 500);
  fragment.close();
  return fragment;
}

const running: { loop: UploadLoop; clock: FakeClock }[] = [];
afterEach(async () => {
  for (const { loop, clock } of running.splice(0)) await Promise.all([loop.stop(0), clock.advance(0)]);
});

function setUp({ credentialsLastMs = 3_600_000 } = {}) {
  const clock = new FakeClock();
  const buffer = new FragmentBuffer({ maxBytes: 1_000_000, maxDurationMs: 1_000_000 });
  const connections: FakeConnection[] = [];
  const requests: ConnectRequest[] = [];
  const counts = { rediscovered: 0, persisted: 0, forgotten: 0 };
  const faults: {
    connect?: Error | undefined;
    credentials?: Error | undefined;
    archive?: Error | undefined;
    list?: Error;
  } = {};
  const asked: ProducerTimeRange[] = [];
  const stored = new Set<number>();
  let issuedAt = clock.now();
  const loop = new UploadLoop({
    buffer,
    clock,
    logger: createLogger({ level: 'silent' }),
    random: () => 0.5,
    credentials: {
      forget: () => {
        counts.forgotten++;
      },
      get: () => {
        if (faults.credentials !== undefined) return Promise.reject(faults.credentials);
        // As the agent's own cache: renewed when fewer than 5 minutes are left.
        if (issuedAt + credentialsLastMs - clock.now() < 300_000) issuedAt = clock.now();
        const expiresAt = new Date(issuedAt + credentialsLastMs);
        return Promise.resolve({ accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't', expiresAt });
      },
    },
    connect: (request) => {
      if (faults.connect !== undefined) return Promise.reject(faults.connect);
      const connection = new FakeConnection(request.listener, clock.monotonic());
      requests.push(request);
      connections.push(connection);
      return Promise.resolve(connection);
    },
    findArchive: () =>
      faults.archive === undefined
        ? Promise.resolve(new URL('https://b-1.kinesisvideo.test'))
        : Promise.reject(faults.archive),
    findStored: (_endpoint, range) => {
      asked.push(range);
      return faults.list === undefined ? Promise.resolve(stored) : Promise.reject(faults.list);
    },
    onRediscover: () => counts.rediscovered++,
    onPersisted: () => counts.persisted++,
    onChange: () => undefined,
  });
  running.push({ loop, clock });
  loop.start();
  const send = async (...fragments: Fragment[]): Promise<void> => {
    for (const fragment of fragments) buffer.add(fragment);
    loop.advance();
    await settle();
  };
  /** Lets seconds pass with the housekeeping that the uploader does in each. */
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      await clock.advance(1_000);
      loop.housekeep();
      await settle();
    }
  };
  const connection = (index: number): FakeConnection => connections[index] as FakeConnection;
  return {
    clock,
    buffer,
    loop,
    connections,
    connection,
    requests,
    counts,
    faults,
    asked,
    stored,
    send,
    pass,
  };
}

const endTag = expect.stringContaining('END_OF_FRAGMENT');

it('sends fragments picture by picture once the service has accepted', async () => {
  const { connection, requests, send, buffer, counts, loop } = setUp();
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
  const { clock, connection, send } = setUp();
  await send(fragmentAt(1), fragmentAt(2));
  connection(0).full = true;
  await clock.advance(1_000);
  expect(connection(0).written).toEqual(['<header>']);
  connection(0).full = false;
  connection(0).listener.onDrain();
  expect(connection(0).written).toEqual(['<header>', '<1a>', '<1b>', '<2a>', '<2b>']);
});

it('sends again what is not persisted when the host may be dead', async () => {
  const { clock, connection, send } = setUp();
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
  const { clock, connection, send, asked, stored, counts } = setUp();
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
  const { clock, connections, connection, send, asked, stored, buffer } = setUp();
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
  const { clock, connections, connection, send, asked, faults } = setUp();
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
  const { connections, connection, send, pass, stored, buffer } = setUp();
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
  const { clock, connections, connection, send, faults, asked } = setUp();
  faults.list = new ServiceCallError('ListFragments was refused.', { name: '', decision, advice: '' });
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  connection(0).breakOff();
  await clock.advance(6_000);
  expect([asked.length, connections.length]).toEqual([questions, 2]);
});

it('waits for the network with its question, however long the outage', async () => {
  const { clock, connections, connection, send, faults, asked, stored } = setUp();
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
  const { clock, connection, send, buffer } = setUp();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3));
  connection(0).listener.onAccepted();
  connection(0).ack('RECEIVED', 2);
  connection(0).listener.onEnd({ kind: 'ended', reason: 'the service ended the connection' });
  await clock.advance(1_000);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<3a>', '<3b>']);
  expect(buffer.fragments).toHaveLength(1);
});

it('skips the fragment that the service refuses for good, and sends the rest', async () => {
  const { clock, connection, send, loop } = setUp();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3));
  connection(0).listener.onAccepted();
  connection(0).ack('RECEIVED', 1);
  connection(0).ack('ERROR', 2, { ErrorId: 4_002 });
  await clock.advance(1_000);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<3a>', '<3b>']);
  expect(loop.refusedFragments).toBe(1);
});

it('takes the first fragment not received for the one a nameless error means', async () => {
  const { clock, connection, send } = setUp();
  await send(fragmentAt(1), fragmentAt(2));
  connection(0).listener.onAccepted();
  connection(0).ack('RECEIVED', 1);
  connection(0).ack('ERROR', undefined, { ErrorId: 4_006 });
  await send(fragmentAt(3));
  await clock.advance(1_000);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<header>', '<3a>', '<3b>']);
});

it('sends a fragment again that could not be archived, but not for ever', async () => {
  const { clock, connection, connections, send, loop } = setUp();
  await send(fragmentAt(1));
  for (let i = 0; i < 4; i++) {
    connection(i).listener.onAccepted();
    connection(i).ack('RECEIVED', 1);
    connection(i).ack('ERROR', 1, { ErrorId: 5_001 });
    await clock.advance(2_000);
  }
  expect(connections.map(({ written }) => written.length)).toEqual([3, 3, 3, 3]);
  expect(loop.refusedFragments).toBe(1);
});

it('keeps everything while a person must act, and tries once a minute', async () => {
  const { clock, connection, connections, send, loop, buffer } = setUp();
  await send(fragmentAt(1));
  connection(0).listener.onEnd({ kind: 'refused', status: 403, exception: 'AccessDeniedException' });
  expect(loop.problem).toEqual({
    stopped: true,
    message:
      'PutMedia was refused with 403 AccessDeniedException. In the role of the board allow kinesisvideo:GetDataEndpoint, PutMedia and ListFragments on its stream.',
  });
  await clock.advance(59_000);
  expect(connections).toHaveLength(1);
  await clock.advance(2_000);
  expect(connections).toHaveLength(2);
  connection(1).listener.onAccepted();
  connection(1).acknowledge(1);
  expect([loop.problem, buffer.fragments.length]).toEqual([undefined, 0]);
});

it.each([
  ['broken connections', { kind: 'broken', reason: 'connect ECONNREFUSED' }],
  ['refusals', { kind: 'refused', status: 400, exception: 'ClientLimitExceededException' }],
  ['a failing service', { kind: 'refused', status: 503, exception: undefined }],
] as const)(
  'tries within the quota under %s: at most 4 a second, later every few seconds',
  async (_, end) => {
    const { clock, connections, send } = setUp();
    await send(fragmentAt(1));
    for (let answered = 0; clock.monotonic() < 600_000; ) {
      const connection = connections[answered];
      if (connection === undefined) await clock.advance(clock.pending[0] ?? 0);
      else {
        answered++;
        connection.listener.onEnd(end);
        await settle();
      }
    }
    const times = connections.map(({ openedAt }) => openedAt);
    const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(250);
    expect(Math.max(...gaps.filter((_gap, index) => (times[index] as number) < 110_000))).toBeLessThanOrEqual(
      1_500,
    );
    expect(times.filter((at) => at > 300_000).length).toBeLessThan(300_000 / 5_000);
  },
);

it('asks for the endpoint anew after a lost connection, not after a busy service', async () => {
  const { clock, connection, send, counts } = setUp();
  await send(fragmentAt(1));
  connection(0).listener.onEnd({ kind: 'refused', status: 503, exception: undefined });
  expect(counts.rediscovered).toBe(0);
  await clock.advance(1_500);
  connection(1).breakOff();
  await clock.advance(2_000);
  connection(2).listener.onEnd({ kind: 'refused', status: 400, exception: 'InvalidEndpointException' });
  expect(counts.rediscovered).toBe(2);
});

it('reports what fails before there is a connection, and goes on trying', async () => {
  const { clock, connections, send, faults, loop } = setUp();
  faults.connect = new ServiceCallError('GetDataEndpoint failed: no route', {
    name: 'UNREACHABLE',
    decision: 'resend',
    advice: '',
  });
  await send(fragmentAt(1));
  expect(loop.problem).toEqual({ message: 'GetDataEndpoint failed: no route', stopped: false });
  faults.connect = new Error('Credentials have expired.');
  await clock.advance(2_000);
  expect(loop.problem?.message).toBe('Credentials have expired.');
  faults.connect = undefined;
  await clock.advance(2_000);
  expect(connections).toHaveLength(1);
});

it('asks for new credentials when the service does not take those it has', async () => {
  const { clock, connection, send, counts, loop } = setUp();
  await send(fragmentAt(1));
  connection(0).listener.onEnd({ kind: 'refused', status: 403, exception: 'ExpiredTokenException' });
  expect(counts.forgotten).toBe(1);
  expect(loop.problem?.stopped).toBe(false);
  await clock.advance(1_500);
  connection(1).listener.onEnd({ kind: 'refused', status: 503, exception: undefined });
  expect(counts.forgotten).toBe(1);
});

it('says that a person must act when the credentials are denied, and tries once a minute', async () => {
  const { clock, connections, send, faults, loop } = setUp();
  faults.credentials = new CredentialError('Allow it in the policy.', true);
  await send(fragmentAt(1));
  expect(loop.problem).toEqual({ message: 'Allow it in the policy.', stopped: true });
  faults.credentials = undefined;
  await clock.advance(59_000);
  expect(connections).toHaveLength(0);
  await clock.advance(2_000);
  expect(connections).toHaveLength(1);
});

it('tries again at once when the clock is set', async () => {
  const { clock, connections, connection, send, pass } = setUp();
  await send(fragmentAt(1));
  connection(0).listener.onEnd({ kind: 'refused', status: 403, exception: 'InvalidSignatureException' });
  await pass(5);
  expect(connections).toHaveLength(1);
  clock.setWallClock(clock.now() + 3_600_000);
  await pass(1);
  expect(connections).toHaveLength(2);
});

it('takes its clock for accepted until it is set, and again once something was signed by it', async () => {
  const { clock, connections, connection, send, pass, loop } = setUp();
  await send(fragmentAt(1));
  expect(loop.clockAccepted).toBe(false);
  connection(0).listener.onAccepted();
  expect(loop.clockAccepted).toBe(true);
  clock.setWallClock(clock.now() + 365 * 24 * 3_600_000);
  await pass(1);
  expect(loop.connected).toBe(true);
  expect(loop.clockAccepted).toBe(false);
  connection(0).listener.onEnd({ kind: 'ended', reason: 'cut' });
  await send(fragmentAt(2));
  await pass(2);
  expect(connections).toHaveLength(2);
  connection(1).listener.onAccepted();
  expect(loop.clockAccepted).toBe(true);
});

it('takes a host for dead that acknowledges nothing, with more patience each time', async () => {
  const { connections, connection, send, pass, loop } = setUp();
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

it('waits for a slow uplink as long as acknowledgements keep coming', async () => {
  const { connection, connections, send, pass, loop, counts } = setUp();
  await send(fragmentAt(1), fragmentAt(2), fragmentAt(3), fragmentAt(4));
  connection(0).listener.onAccepted();
  for (const second of [1, 2, 3, 4]) {
    await pass(4);
    connection(0).acknowledge(second);
  }
  expect([connections.length, loop.problem, counts.persisted]).toEqual([1, undefined, 4]);
});

it('hands over to a new connection before the credentials expire, with the next fragment', async () => {
  const { clock, connections, connection, requests, send, pass, buffer } = setUp({
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
  const { clock, connections, connection, send, pass } = setUp({ credentialsLastMs: 12 * 3_600_000 });
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
  const { connections, connection, send, pass } = setUp({ credentialsLastMs: 600_000 });
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
  const { connection, send, pass } = setUp();
  const other = { header: Buffer.from('<other>') };
  await send(fragmentAt(1), fragmentAt(2, other));
  connection(0).listener.onAccepted();
  expect(connection(0).written).toEqual(['<header>', '<1a>', '<1b>', endTag]);
  await pass(1);
  connection(1).listener.onAccepted();
  expect(connection(1).written).toEqual(['<other>', '<2a>', '<2b>']);
});

it('sends what a draining connection lost before what is newer', async () => {
  const { connections, connection, send, pass, clock } = setUp({ credentialsLastMs: 600_000 });
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

it('ends a connection that has had nothing to send for 5 s', async () => {
  const { connection, connections, send, pass } = setUp();
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  connection(0).acknowledge(1);
  await pass(7);
  expect([connection(0).written.at(-1), connection(0).closed, connections.length]).toEqual([endTag, true, 1]);
});

it('stops with the end tag and waits for PERSISTED', async () => {
  const { connection, send, loop, buffer } = setUp();
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
  const { clock, connection, send, loop, buffer } = setUp();
  await send(fragmentAt(1));
  connection(0).listener.onAccepted();
  const stopping = loop.stop(5_000);
  await clock.advance(5_000);
  await stopping;
  expect([connection(0).closed, buffer.fragments.map(({ state }) => state)]).toEqual([true, ['waiting']]);
});

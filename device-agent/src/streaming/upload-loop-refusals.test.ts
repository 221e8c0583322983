import { afterEach, expect, it } from '@jest/globals';
import { CredentialError } from '../credentials/credential-error.ts';
import { settle } from '../testing/fake-clock.ts';
import { ServiceCallError } from './service-call.ts';
import { fragmentAt, startLoop, stopLoops } from './testing/upload-loop-stand.ts';

afterEach(stopLoops);

it('skips the fragment that the service refuses for good, and sends the rest', async () => {
  const { clock, connection, send, loop } = startLoop();
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
  const { clock, connection, send } = startLoop();
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
  const { clock, connection, connections, send, loop } = startLoop();
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
  const { clock, connection, connections, send, loop, buffer } = startLoop();
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
    const { clock, connections, send } = startLoop();
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
  const { clock, connection, send, counts } = startLoop();
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
  const { clock, connections, send, faults, loop } = startLoop();
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
  const { clock, connection, send, counts, loop } = startLoop();
  await send(fragmentAt(1));
  connection(0).listener.onEnd({ kind: 'refused', status: 403, exception: 'ExpiredTokenException' });
  expect(counts.forgotten).toBe(1);
  expect(loop.problem?.stopped).toBe(false);
  await clock.advance(1_500);
  connection(1).listener.onEnd({ kind: 'refused', status: 503, exception: undefined });
  expect(counts.forgotten).toBe(1);
});

it('says that a person must act when the credentials are denied, and tries once a minute', async () => {
  const { clock, connections, send, faults, loop } = startLoop();
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
  const { clock, connections, connection, send, pass } = startLoop();
  await send(fragmentAt(1));
  connection(0).listener.onEnd({ kind: 'refused', status: 403, exception: 'InvalidSignatureException' });
  await pass(5);
  expect(connections).toHaveLength(1);
  clock.setWallClock(clock.now() + 3_600_000);
  await pass(1);
  expect(connections).toHaveLength(2);
});

it('takes its clock for accepted until it is set, and again once something was signed by it', async () => {
  const { clock, connections, connection, send, pass, loop } = startLoop();
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

import { admin } from '@aovis/simulator/cloud-setup';
import { untilPersisted, waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilCaughtUp } from './support/agent-status.ts';
import { CloudClients, duplicates, gaps } from './support/cloud-clients.ts';
import { addFault, type FaultRule, pendingFaults } from './support/faults.ts';
import { RunningSystem } from './support/running-system.ts';

/** The service's quota of PutMedia, calls a second and stream. */
const quotaPerSecond = 5;
/** Of the sample clip. */
const fragmentMs = 1_000;

describe('a stream whose connection is cut, refused or answered with errors', () => {
  let running: RunningSystem;
  let cloud: CloudClients;
  let deviceId: string;
  let streamName: string;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    cloud = new CloudClients(running.system.endpoints);
    const board = running.board(0);
    deviceId = board.deviceId;
    streamName = `aovis-stream-${deviceId}`;
    board.start();
    await untilPersisted(board);
  });

  afterAll(async () => {
    cloud?.close();
    await running?.stop();
  });

  /** Sets a fault, lets it come true so often, and waits until the stream has caught up. */
  async function suffer(fault: Omit<FaultRule, 'service' | 'subject'>): Promise<void> {
    const { endpoints } = running.system;
    await addFault(endpoints, { ...fault, service: 'kinesis-video', subject: streamName });
    if (fault.operation !== 'PutMediaFragment')
      await admin(endpoints, 'POST', `/_local/kinesis-video/streams/${streamName}/disconnect`);
    await waitFor('The last of the faults', async () =>
      (await pendingFaults(endpoints)).length === 0 ? true : undefined,
    );
    await untilCaughtUp(running, deviceId);
  }

  /** What is stored of the time since then, beginning with the last fragment that was whole by then. */
  async function stored(sinceMs: number): Promise<{ missing: string[]; twice: number[]; dropped: number }> {
    const fragments = (await cloud.fragments(streamName)).filter(
      ({ startMs }) => startMs >= sinceMs - 2 * fragmentMs,
    );
    expect(fragments.length).toBeGreaterThan(1);
    const { stream } = await agentStatus(running, deviceId);
    return { missing: gaps(fragments), twice: duplicates(fragments), dropped: stream.dropped_fragments };
  }

  const whole = { missing: [], twice: [], dropped: 0 };
  const cuts = 3;

  it.each([
    ['first', 40_000],
    ['third', 270_000],
  ])('cut three times within the %s fragment: every fragment is stored once', async (_which, afterBytes) => {
    const since = Date.now();
    const effect = { kind: 'custom', name: 'cut-media', value: { afterBytes } } as const;
    await suffer({ operation: 'PutMediaSession', effect, times: cuts });
    expect(await stored(since)).toEqual(whole);
  });

  it('cut while an acknowledgement is under way: every fragment is stored once', async () => {
    const since = Date.now();
    const effect = { kind: 'custom', name: 'cut-media', value: { afterFragments: 2 } } as const;
    await suffer({ operation: 'PutMediaSession', effect, times: cuts });
    expect(await stored(since)).toEqual(whole);
  });

  it.each([
    ['INTERNAL_ERROR', 5000],
    ['ARCHIVAL_ERROR', 5001],
  ])('acknowledged with %s three times: every fragment is stored once', async (_name, errorId) => {
    const since = Date.now();
    const effect = { kind: 'custom', name: 'error-ack', value: { errorId } } as const;
    await suffer({ operation: 'PutMediaFragment', effect, times: 3 });
    expect(await stored(since)).toEqual(whole);
  });

  it.each([
    [503, 'ServiceUnavailableException'],
    [400, 'ClientLimitExceededException'],
  ])(
    'refused with %i eight times: tried again within the quota, every fragment is stored once',
    async (status, code) => {
      const times = 8;
      const since = Date.now();
      const startedAt = performance.now();
      await suffer({ operation: 'PutMedia', effect: { kind: 'error', status, code }, times });
      const seconds = (performance.now() - startedAt) / 1000;
      expect(times / seconds).toBeLessThan(quotaPerSecond);
      expect(await stored(since)).toEqual(whole);
    },
  );
});

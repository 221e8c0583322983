import type { ShadowView } from '@aovis/contracts/http/device-shadow';
import type { AppClient } from '@aovis/simulator/app-client';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { untilPersisted, waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilCaughtUp, untilNextPersisted, untilStatus } from './support/agent-status.ts';
import { CloudClients, duplicates, gaps } from './support/cloud-clients.ts';
import { RunningSystem } from './support/running-system.ts';

describe('the cloud, killed under a streaming board and started again', () => {
  let running: RunningSystem;
  let anna: AppClient;
  let deviceId: string;
  let agentProcess: number;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    const board = running.board(0);
    deviceId = board.deviceId;
    board.start();
    agentProcess = board.process.pid;
    anna = await running.owner('anna@example.com', running.provisionedBoard(0));
    await untilPersisted(board);
    await untilNextPersisted(running, deviceId);
    await running.system.program('local-cloud').kill();
  });

  afterAll(async () => {
    await running?.stop();
  });

  it('is missed by the board, which keeps its pictures', async () => {
    const { connection, buffer } = await untilStatus(
      running,
      deviceId,
      'notices',
      ({ connection: { state }, buffer: { fragments } }) => state !== 'connected' && fragments >= 3,
    );
    expect(connection.detail).toContain('check the uplink');
    expect(buffer.fragment_bytes).toBeGreaterThan(0);
  });

  it('is missed by the backend, which says so and goes on', async () => {
    expectAnswer(await anna.call('GET', `/api/devices/${deviceId}/shadow`), 503, 'service_unavailable');
    expect(expectAnswer(await anna.device(deviceId), 200).shadow).toBeNull();
  });

  it('is found again by the same agent, by itself', async () => {
    await running.system.startCloud();
    await untilStatus(running, deviceId, 'connected', ({ connection }) => connection.state === 'connected');
    const { pid, stream } = await untilCaughtUp(running, deviceId);
    expect(pid).toBe(agentProcess);
    expect(stream.dropped_fragments).toBe(0);
  });

  it('holds every picture of that time, once', async () => {
    const cloud = new CloudClients(running.system.endpoints);
    try {
      const fragments = await cloud.fragments(`aovis-stream-${deviceId}`);
      expect({ missing: gaps(fragments), twice: duplicates(fragments) }).toEqual({ missing: [], twice: [] });
    } finally {
      cloud.close();
    }
  });

  it('hears the board’s subscriptions again: a change of configuration arrives and is echoed', async () => {
    const desired = { telemetry: { interval_s: 33 } };
    expectAnswer(await anna.configure(deviceId, desired), 200);
    const shadow = await waitFor('The echo', async () => {
      const view = expectAnswer(await anna.call<ShadowView>('GET', `/api/devices/${deviceId}/shadow`), 200);
      return Object.keys(view.delta).length === 0 && view.reported['config_version'] !== 0 ? view : undefined;
    });
    expect(shadow.reported).toMatchObject(desired);
    expect((await agentStatus(running, deviceId)).shadow.config_errors).toEqual({});
  });

  it('tells the backend that the board is online', async () => {
    await waitFor('online', async () => {
      const { online, shadow } = expectAnswer(await anna.device(deviceId), 200);
      return online && shadow?.stream_state === 'streaming' ? true : undefined;
    });
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShadowView } from '@aovis/contracts/http/device-shadow';
import { reportedStateSchema, runningConfigSchema } from '@aovis/contracts/shadow';
import type { AppClient } from '@aovis/simulator/app-client';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { untilPersisted, waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilCaughtUp, untilNextPersisted } from './support/agent-status.ts';
import { CloudClients, duplicates, gaps } from './support/cloud-clients.ts';
import { query } from './support/database.ts';
import { RunningSystem } from './support/running-system.ts';

const kills = 3;

describe('a board whose power is cut while it streams, three times', () => {
  let running: RunningSystem;
  let anna: AppClient;
  let deviceId: string;
  const presence: boolean[] = [];

  async function untilOnlineIs(wanted: boolean): Promise<void> {
    await waitFor(wanted ? 'online' : 'offline', async () => {
      const { online } = expectAnswer(await anna.device(deviceId), 200);
      if (online !== presence.at(-1)) presence.push(online);
      return online === wanted ? true : undefined;
    });
  }

  const shadow = async (name: 'config' | 'state'): Promise<ShadowView> =>
    expectAnswer(await anna.call<ShadowView>('GET', `/api/devices/${deviceId}/shadow?name=${name}`), 200);

  const stateFile = (name: string): unknown =>
    JSON.parse(readFileSync(join(running.system.folder.boardState(deviceId), name), 'utf8'));

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    const board = running.board(0);
    deviceId = board.deviceId;
    anna = await running.owner('anna@example.com', running.provisionedBoard(0));
    board.start();
    await untilPersisted(board);
    await untilOnlineIs(true);
    for (let kill = 1; kill <= kills; kill++) {
      await untilNextPersisted(running, deviceId);
      await board.kill();
      await untilOnlineIs(false);
      expectAnswer(await anna.configure(deviceId, { telemetry: { interval_s: 30 + kill } }), 200);
      board.start();
      await untilOnlineIs(true);
      await untilCaughtUp(running, deviceId);
    }
  });

  afterAll(async () => {
    await running?.stop();
  });

  it('is seen going offline and coming online each time', () => {
    expect(presence).toEqual([true, ...Array.from({ length: kills }, () => [false, true]).flat()]);
  });

  it('streams again without an error', async () => {
    const { stream, problems, parts } = await agentStatus(running, deviceId);
    expect({ problems, unwell: parts.filter(({ ok }) => !ok) }).toEqual({ problems: [], unwell: [] });
    expect(stream.dropped_fragments).toBe(0);
  });

  it('loses no more than the time without power, and sends nothing twice', async () => {
    const cloud = new CloudClients(running.system.endpoints);
    try {
      const fragments = await cloud.fragments(`aovis-stream-${deviceId}`);
      expect(duplicates(fragments)).toEqual([]);
      expect(gaps(fragments)).toHaveLength(kills);
    } finally {
      cloud.close();
    }
  });

  it('keeps its state files whole', () => {
    const { reported } = stateFile('reported-state.json') as { reported: unknown };
    expect(reportedStateSchema.safeParse(reported).error).toBeUndefined();
    expect(runningConfigSchema.safeParse(stateFile('running-config.json')).error).toBeUndefined();
    expect(stateFile('last-boot.json')).toEqual({ machine_boot_id: expect.any(String) });
  });

  it('runs with the configuration that was desired while it was off, and reports it', async () => {
    const { reported, delta } = await waitFor('The echo', async () => {
      const view = await shadow('config');
      return Object.keys(view.delta).length === 0 ? view : undefined;
    });
    expect(delta).toEqual({});
    expect(reported).toMatchObject({ telemetry: { interval_s: 30 + kills } });
  });

  it('reports the boot that runs now; each boot was told once', async () => {
    const boots = await waitFor('The last boot event', async () => {
      const rows = await query<{ data: { boot_id: string } }>(
        running.system.databaseUrl,
        `SELECT data FROM device_events WHERE device_id = $1 AND type = 'boot' ORDER BY occurred_at`,
        [deviceId],
      );
      return rows.length > kills ? rows.map(({ data }) => data.boot_id) : undefined;
    });
    expect(new Set(boots).size).toBe(kills + 1);
    const { reported } = await shadow('state');
    expect(reported).toMatchObject({ agent: { boot_id: boots.at(-1) }, stream: { state: 'streaming' } });
  });
});

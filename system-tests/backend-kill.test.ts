import type { BoardEvent } from '@aovis/contracts/events';
import type { TelemetryBatch } from '@aovis/contracts/telemetry';
import { eventTopic, telemetryTopic } from '@aovis/contracts/topics';
import type { AppClient } from '@aovis/simulator/app-client';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { monotonicFactory } from 'ulid';
import { BoardIdentity } from './support/board-client.ts';
import { killDatabase, query } from './support/database.ts';
import { RunningSystem } from './support/running-system.ts';

/** Messages one after the other; the broker takes 100 a second from a connection. */
const burst = 25;

describe('what a board says while the backend or its database is killed', () => {
  const newUlid = monotonicFactory();
  let running: RunningSystem;
  let board: MqttClient;
  let deviceId: string;
  let anna: AppClient;
  const sent = { events: [] as string[], batches: [] as string[] };

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    const identity = new BoardIdentity(running.provisionedBoard(0));
    deviceId = identity.descriptor.device_id;
    anna = await running.owner('anna@example.com', running.provisionedBoard(0));
    board = await identity.connect();
  });

  afterAll(async () => {
    await board?.endAsync();
    await running?.stop();
  });

  async function sayEvent(): Promise<void> {
    const event: BoardEvent = {
      event_id: newUlid(),
      type: 'motion',
      occurred_at: Date.now(),
      seq: sent.events.length,
      data: { zone: 'door' },
    };
    await board.publishAsync(eventTopic(deviceId), JSON.stringify(event), { qos: 1 });
    sent.events.push(event.event_id);
  }

  async function sayTelemetry(): Promise<void> {
    const batch: TelemetryBatch = {
      event_id: newUlid(),
      samples: [{ metric: 'temp_c', value: sent.batches.length, unit: 'celsius', at: Date.now() }],
    };
    await board.publishAsync(telemetryTopic(deviceId), JSON.stringify(batch), { qos: 1 });
    sent.batches.push(batch.event_id);
  }

  /** A burst of messages, each acknowledged by the broker; `act` happens in its middle. */
  async function say(act: () => Promise<void> = async () => {}): Promise<void> {
    let acting = Promise.resolve();
    for (let i = 0; i < burst; i++) {
      if (i === Math.floor(burst / 2)) acting = act();
      await sayEvent();
      if (i % 5 === 0) await sayTelemetry();
    }
    await acting;
  }

  const stored = async (table: 'device_events' | 'device_telemetry'): Promise<string[]> => {
    const sql = `SELECT event_id FROM ${table} WHERE device_id = $1 ORDER BY event_id`;
    const rows = await query<{ event_id: string }>(running.system.databaseUrl, sql, [deviceId]);
    return rows.map(({ event_id }) => event_id);
  };

  async function expectAllStoredOnce(): Promise<void> {
    await waitFor('The last message', async () => {
      const events = await stored('device_events');
      const batches = await stored('device_telemetry');
      return events.includes(sent.events.at(-1) ?? '') && batches.includes(sent.batches.at(-1) ?? '')
        ? true
        : undefined;
    });
    expect(await stored('device_events')).toEqual(sent.events);
    expect(await stored('device_telemetry')).toEqual(sent.batches);
  }

  async function expectAuditChainVerifies(): Promise<void> {
    expect((await running.system.backendCli('audit', 'verify')).stdout).toMatch(/^ok [1-9]/);
  }

  it('is stored once, in spite of three kills of the backend', async () => {
    for (let kill = 1; kill <= 3; kill++) {
      await say(() => running.system.program('backend').kill());
      await running.system.startBackend();
    }
    await say();
    await expectAllStoredOnce();
    await expectAuditChainVerifies();
  });

  it('is stored once when the database is killed; the backend says so meanwhile, and recovers by itself', async () => {
    const backendProcess = running.system.program('backend').pid;
    await say(() => killDatabase(running.system));
    const refusal = await anna.call<{ error: { message: string } }>('GET', '/api/devices');
    expectAnswer(refusal, 503, 'service_unavailable');
    expect((await fetch(`${running.system.backendUrl}/ready`)).status).toBe(503);

    await running.system.startDatabase();
    await expectAllStoredOnce();
    expectAnswer(await anna.device(deviceId), 200);
    // The mail goes through the outbox.
    await anna.signIn('anna@example.com');
    await expectAuditChainVerifies();
    expect(running.system.program('backend').pid).toBe(backendProcess);
    expect(running.system.program('backend').running).toBe(true);
  });
});

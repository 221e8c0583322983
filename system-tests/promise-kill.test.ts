import { setTimeout as pause } from 'node:timers/promises';
import { allPages } from '@aovis/api-client/pages';
import type { EventAnswer } from '@aovis/device-agent/events/event-request';
import { reportEvent } from '@aovis/device-agent/events/report-event';
import type { AppClient } from '@aovis/simulator/app-client';
import type { Board } from '@aovis/simulator/board';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilNextPersisted } from './support/agent-status.ts';
import { query } from './support/database.ts';
import { randomFrom, seedOfThisRun } from './support/random.ts';
import { RunningSystem } from './support/running-system.ts';

/** A hundred take six minutes: `AOVIS_KILLS=100 npm run test:system -- promise-kill`. */
const kills = Number(process.env['AOVIS_KILLS'] ?? 12);
interface EventPage {
  events: { event_id: string }[];
  next_cursor: string | null;
}

/** The longest life of an agent, milliseconds; it takes the first events after less than one second. */
const longestLifeMs = 4_000;

describe(`a board that is told of events while its agent is killed ${kills} times`, () => {
  const seed = seedOfThisRun();
  const random = randomFrom(seed);
  const promised: string[] = [];
  let running: RunningSystem;
  let board: Board;
  let anna: AppClient;

  /** Undefined when the agent is gone, or went before it answered. */
  async function tell(): Promise<EventAnswer | undefined> {
    const directory = running.system.folder.boardState(board.deviceId);
    return reportEvent(directory, { type: 'motion', data: { zone: 'door' } }).catch(() => undefined);
  }

  /** One event after the other for as long as `living` does not resolve. */
  async function tellWhile(living: Promise<unknown>): Promise<void> {
    let alive = true;
    void living.then(() => {
      alive = false;
    });
    while (alive) {
      const answer = await tell();
      if (answer?.outcome === 'stored' && answer.event_id !== undefined) promised.push(answer.event_id);
      // Within what one connection may publish a second; there is nobody to tell when it fails at once.
      await pause(30);
    }
  }

  /** In the order in which the cloud got them. */
  async function stored(): Promise<string[]> {
    const rows = await query<{ event_id: string }>(
      running.system.databaseUrl,
      'SELECT event_id FROM device_events WHERE device_id = $1 ORDER BY received_at, event_id',
      [board.deviceId],
    );
    return rows.map(({ event_id }) => event_id);
  }

  beforeAll(
    async () => {
      process.stdout.write(`AOVIS_SEED=${seed}\n`);
      running = await RunningSystem.start({ boards: 1 });
      board = running.board(0);
      anna = await running.owner('anna@example.com', running.provisionedBoard(0));
      for (let kill = 0; kill < kills; kill++) {
        board.start();
        await Promise.all([
          tellWhile(board.process.exited),
          pause(random() * longestLifeMs).then(() => board.kill()),
        ]);
      }
      board.start();
    },
    (kills + 30) * 2 * longestLifeMs,
  );

  afterAll(async () => {
    await running?.stop();
  });

  it('keeps every promise: the backend has each event', async () => {
    expect(promised.length).toBeGreaterThan(kills);
    await waitFor('The last event', async () => {
      const { buffer } = await agentStatus(running, board.deviceId);
      return buffer.messages === 0 ? true : undefined;
    });
    await waitFor('The last event at the backend', async () => {
      const there = new Set(await stored());
      return promised.every((id) => there.has(id)) ? true : undefined;
    });
  });

  it('has each of them once, in the order in which they happened', async () => {
    const ids = await stored();
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(ids.toSorted());
  });

  it('shows them to the owner, page by page', async () => {
    const path = `/api/devices/${board.deviceId}/events?limit=100`;
    const pages = allPages(async (cursor) => {
      const page = cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
      const { events, next_cursor } = expectAnswer(await anna.call<EventPage>('GET', page), 200);
      return { items: events, next_cursor };
    });
    const shown = new Set<string>();
    for await (const { event_id } of pages) shown.add(event_id);
    expect(promised.filter((id) => !shown.has(id))).toEqual([]);
  });

  it('dropped none, and streams again', async () => {
    await untilNextPersisted(running, board.deviceId);
    const { buffer, stream } = await agentStatus(running, board.deviceId);
    expect(buffer).toMatchObject({ dropped_events: 0, dropped_telemetry: 0 });
    expect(stream.state).toBe('streaming');
  });
});

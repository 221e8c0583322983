import { setTimeout as pause } from 'node:timers/promises';
import { allPages } from '@aovis/api-client/pages';
import type { AppClient } from '@aovis/simulator/app-client';
import type { Board } from '@aovis/simulator/board';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilNextPersisted } from './support/agent-status.ts';
import { PromisedEvents } from './support/promised-events.ts';
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
  let running: RunningSystem;
  let board: Board;
  let anna: AppClient;
  let events: PromisedEvents;

  beforeAll(
    async () => {
      process.stdout.write(`AOVIS_SEED=${seed}\n`);
      running = await RunningSystem.start({ boards: 1 });
      board = running.board(0);
      anna = await running.owner('anna@example.com', running.provisionedBoard(0));
      events = new PromisedEvents(running, board.deviceId);
      for (let kill = 0; kill < kills; kill++) {
        board.start();
        await Promise.all([
          events.tellWhile(board.process.exited),
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
    expect(events.promised.length).toBeGreaterThan(kills);
    await events.untilDelivered();
  });

  it('has each of them once, in the order in which they happened', async () => {
    const ids = await events.stored();
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
    expect(events.promised.filter((id) => !shown.has(id))).toEqual([]);
  });

  it('dropped none, and streams again', async () => {
    await untilNextPersisted(running, board.deviceId);
    const { buffer, stream } = await agentStatus(running, board.deviceId);
    expect(buffer).toMatchObject({ dropped_events: 0, dropped_telemetry: 0 });
    expect(stream.state).toBe('streaming');
  });
});

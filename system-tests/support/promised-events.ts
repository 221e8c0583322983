import { setTimeout as pause } from 'node:timers/promises';
import { reportEvent } from '@aovis/device-agent/events/report-event';
import { waitFor } from '@aovis/simulator/wait-for';
import { agentStatus } from './agent-status.ts';
import { query } from './database.ts';
import type { RunningSystem } from './running-system.ts';

/** Within what one connection may publish a second; there is nobody to tell when it fails at once. */
const betweenMs = 30;

/** Events that a board's agent is told of over its socket, and those among them that it said it keeps. */
export class PromisedEvents {
  /** In the order in which they were promised. */
  readonly promised: string[] = [];
  readonly #running: RunningSystem;
  readonly #deviceId: string;

  constructor(running: RunningSystem, deviceId: string) {
    this.#running = running;
    this.#deviceId = deviceId;
  }

  /** One event; nothing is promised when the agent is gone, or went before it answered. */
  async tell(): Promise<void> {
    const directory = this.#running.system.folder.boardState(this.#deviceId);
    const event = { type: 'motion', data: { zone: 'door' } } as const;
    const answer = await reportEvent(directory, event).catch(() => undefined);
    if (answer?.outcome === 'stored' && answer.event_id !== undefined) this.promised.push(answer.event_id);
  }

  /** One event after the other until `done` has settled; at least one. Answers how many were promised. */
  async tellWhile(done: Promise<unknown>): Promise<number> {
    const before = this.promised.length;
    let going = true;
    const end = (): void => {
      going = false;
    };
    done.then(end, end);
    do {
      await this.tell();
      await pause(betweenMs);
    } while (going);
    await done;
    return this.promised.length - before;
  }

  /** The ids of all events of the board, in the order in which the cloud got them. */
  async stored(): Promise<string[]> {
    const rows = await query<{ event_id: string }>(
      this.#running.system.databaseUrl,
      'SELECT event_id FROM device_events WHERE device_id = $1 ORDER BY received_at, event_id',
      [this.#deviceId],
    );
    return rows.map(({ event_id }) => event_id);
  }

  /** Until nothing waits on the board and the backend has every event that was promised. */
  async untilDelivered(): Promise<void> {
    await waitFor('The last event leaves the board', async () => {
      const { buffer } = await agentStatus(this.#running, this.#deviceId);
      return buffer.messages === 0 ? true : undefined;
    });
    await waitFor('The last event at the backend', async () => {
      const there = new Set(await this.stored());
      return this.promised.every((id) => there.has(id)) ? true : undefined;
    });
  }
}

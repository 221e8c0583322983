import { agentStatus } from '../support/agent-status.ts';
import { type CloudClients, duplicates, gaps, type StoredFragment } from '../support/cloud-clients.ts';
import { query } from '../support/database.ts';
import type { RunningSystem } from '../support/running-system.ts';
import type { SoakedBoard } from './soaked-board.ts';

/** A fragment that began this long ago is stored or lost. */
const stillMovingMs = 60_000;

/** What a board's telemetry interval is set to. */
export const telemetrySeconds = 10;

export interface Findings {
  promised: number;
  /** All events of the board that the backend holds, its own among them. */
  events: number;
  telemetryBatches: number;
  fragments: number;
  /** The longest that an event took to the cloud, seconds. */
  slowestEventSeconds: number;
  /** What was promised and did not come true, a sentence each. */
  broken: string[];
}

interface StoredEvent extends Record<string, unknown> {
  event_id: string;
  seq: number;
  tookSeconds: number;
}

/** What the backend lacks of what was promised. */
export async function missingEvents({ system }: RunningSystem, board: SoakedBoard): Promise<string[]> {
  const stored = new Set(
    (await storedEvents(system.databaseUrl, board.deviceId)).map(({ event_id }) => event_id),
  );
  return board.promised.filter((id) => !stored.has(id));
}

/** Holds what arrived against what was promised. */
export async function examine(
  running: RunningSystem,
  board: SoakedBoard,
  cloud: CloudClients,
): Promise<Findings> {
  const { databaseUrl } = running.system;
  const { deviceId, promised } = board;
  const events = await storedEvents(databaseUrl, deviceId);
  const batches = await batchTimes(databaseUrl, deviceId);
  const fragments = settled(await cloud.fragments(`aovis-stream-${deviceId}`), Date.now());
  const { buffer, stream, pid } = await agentStatus(running, deviceId);
  const missing = gaps(fragments);
  const twice = duplicates(fragments);
  const ids = events.map(({ event_id }) => event_id);
  const inOrder = events.map(({ seq }) => seq);
  const numbers = inOrder.toSorted((a, b) => a - b);
  const checks: [string, boolean][] = [
    ['an event that was promised is missing', (await missingEvents(running, board)).length === 0],
    ['an event is stored twice', new Set(ids).size === ids.length],
    ['an event that the agent told by itself is missing', numbers.every((seq, index) => seq === index)],
    [
      'events arrived in another order than they happened',
      inOrder.every((seq, index) => seq === numbers[index]),
    ],
    ['messages were dropped', buffer.dropped_events + buffer.dropped_telemetry === 0],
    ['a batch of telemetry is missing', longestPause(batches) < 1.5 * telemetrySeconds],
    [`pictures are missing: ${missing.join(', ')}`, missing.length === 0],
    [`${stream.dropped_fragments} fragments were dropped`, stream.dropped_fragments === 0],
    [`pictures are stored twice: ${twice.join(', ')}`, twice.length === 0],
    ['the agent did not live through it', pid === board.board.process.pid],
  ];
  return {
    promised: promised.length,
    events: events.length,
    telemetryBatches: batches.length,
    fragments: fragments.length,
    slowestEventSeconds: Math.max(...events.map(({ tookSeconds }) => tookSeconds)),
    broken: checks.flatMap(([sentence, holds]) => (holds ? [] : [sentence])),
  };
}

/**
 * The stream goes on while its list is read: without what may still be on its way, and without what a page shows again
 * because it has moved meanwhile.
 */
function settled(fragments: readonly StoredFragment[], nowMs: number): StoredFragment[] {
  const byNumber = new Map(fragments.map((fragment) => [fragment.number, fragment]));
  return [...byNumber.values()].filter(({ startMs }) => startMs < nowMs - stillMovingMs);
}

/** In the order in which they came to the cloud. */
function storedEvents(databaseUrl: string, deviceId: string): Promise<StoredEvent[]> {
  return query<StoredEvent>(
    databaseUrl,
    `SELECT event_id, seq::int, extract(epoch FROM received_at - occurred_at)::float8 AS "tookSeconds"
     FROM device_events WHERE device_id = $1 ORDER BY received_at, event_id`,
    [deviceId],
  );
}

/** When each batch was measured, seconds. */
async function batchTimes(databaseUrl: string, deviceId: string): Promise<number[]> {
  const rows = await query<{ at: number }>(
    databaseUrl,
    `SELECT min(extract(epoch FROM at))::float8 AS at FROM device_telemetry WHERE device_id = $1
     GROUP BY event_id ORDER BY 1`,
    [deviceId],
  );
  return rows.map(({ at }) => at);
}

/** From one batch to the next. The first interval was the default's, before the setting arrived. */
function longestPause(times: readonly number[]): number {
  return Math.max(0, ...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

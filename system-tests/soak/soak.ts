import { cpSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MqttDriver } from '@aovis/device-agent/iot/mqtt-link';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { untilPersisted } from '@aovis/simulator/wait-for';
import { agentStatus } from '../support/agent-status.ts';
import { CloudClients } from '../support/cloud-clients.ts';
import { randomFrom } from '../support/random.ts';
import { RunningSystem } from '../support/running-system.ts';
import type { MemorySeries } from './memory-series.ts';
import { pauseUntil, SoakedBoard } from './soaked-board.ts';
import { drawTrouble, shortenCredentials } from './troubles.ts';
import { examine, type Findings, missingEvents, telemetrySeconds } from './verdict.ts';

export interface SoakOptions {
  minutes: number;
  /** A board for each. */
  drivers: readonly MqttDriver[];
  seed: number;
  /** Where the logs of all programs are put in the end. */
  logs?: string | undefined;
  /** Hears of every trouble. */
  log: (line: string) => void;
}

export interface SoakResult {
  boards: (Findings & { driver: MqttDriver; memory: MemorySeries })[];
  /** How often each came. */
  troubles: Map<string, number>;
}

/** Between one trouble and the next, milliseconds. */
const quietMs = { least: 1_000, most: 12_000 };
/** A board that steps aside for another client of its name does so for ten minutes at most. */
const settleMs = 12 * 60_000;

/** Boards with the real agent stream and tell events while everything around them breaks at random. */
export async function soak({ minutes, drivers, seed, logs, log }: SoakOptions): Promise<SoakResult> {
  const running = await RunningSystem.start({ boards: drivers.length });
  const cloud = new CloudClients(running.system.endpoints);
  const boards: SoakedBoard[] = [];
  try {
    await shortenCredentials(running.system);
    for (const [index, driver] of drivers.entries()) boards.push(await switchOn(running, index, driver));
    const random = randomFrom(seed);
    const end = AbortSignal.timeout(minutes * 60_000);
    const [counts] = await Promise.all([
      causeTroubles(running, boards, random, end, log),
      ...boards.flatMap((board, index) => [
        board.tellEvents(randomFrom(seed + index + 1), end),
        board.sampleMemory(end),
      ]),
    ]);
    for (const board of boards) await settle(running, board, log);
    const results = boards.map(async (board) => ({
      ...(await examine(running, board, cloud)),
      driver: board.driver,
      memory: board.memory,
    }));
    return { boards: await Promise.all(results), troubles: counts };
  } finally {
    for (const board of boards) await board.stop();
    cloud.close();
    if (logs !== undefined) cpSync(dirname(running.system.folder.log('soak')), logs, { recursive: true });
    await running.stop();
  }
}

/** A board that has an owner, streams, and sends telemetry often. */
async function switchOn(running: RunningSystem, index: number, driver: MqttDriver): Promise<SoakedBoard> {
  const board = await SoakedBoard.create(running, index, driver);
  const owner = await running.owner(`owner-${index}@example.com`, running.provisionedBoard(index));
  expectAnswer(await owner.configure(board.deviceId, { telemetry: { interval_s: telemetrySeconds } }), 200);
  board.board.start();
  await untilPersisted(board.board);
  return board;
}

async function causeTroubles(
  { system }: RunningSystem,
  boards: readonly SoakedBoard[],
  random: () => number,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (;;) {
    await pauseUntil(quietMs.least + random() * (quietMs.most - quietMs.least), signal);
    if (signal.aborted) return counts;
    const board = boards[Math.floor(random() * boards.length)];
    const trouble = drawTrouble(random);
    if (board === undefined) throw new Error('A soak needs a board.');
    log(`${board.driver}: ${trouble.name}`);
    counts.set(trouble.name, (counts.get(trouble.name) ?? 0) + 1);
    await trouble.cause({ system, board, random });
  }
}

/** Until the board has sent what waits, and the backend has it. */
async function settle(
  running: RunningSystem,
  board: SoakedBoard,
  log: (line: string) => void,
): Promise<void> {
  log(`${board.driver}: until all has arrived`);
  const deadline = performance.now() + settleMs;
  const signal = new AbortController().signal;
  for (;;) {
    const { connection, buffer, stream } = await agentStatus(running, board.deviceId);
    const sent = buffer.messages === 0 && buffer.fragments <= 2 && stream.state === 'streaming';
    if (sent && (await missingEvents(running, board)).length === 0) return;
    if (performance.now() > deadline) {
      log(`${board.driver}: not all has arrived: ${connection.detail}; ${stream.detail}`);
      return;
    }
    await pauseUntil(1_000, signal);
  }
}

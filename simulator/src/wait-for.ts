import { setTimeout as pause } from 'node:timers/promises';
import type { ShadowSummary } from '@aovis/contracts/http/devices';
import type { AppClient } from './app-client.ts';
import type { Board } from './board.ts';
import { expectAnswer } from './expect-answer.ts';
import { ProgramEnded } from './managed-process.ts';

const pollMs = 100;
const patienceMs = 60_000;

/**
 * Asks again and again until `look` gives something; what it throws meanwhile is kept as the reason if the patience
 * runs out. For states that nobody announces.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let reason: unknown;
  while (performance.now() < deadline) {
    signal?.throwIfAborted();
    try {
      const value = await look();
      if (value !== undefined) return value;
    } catch (error) {
      if (error instanceof ProgramEnded) throw error;
      reason = error;
    }
    await pause(pollMs);
  }
  throw new Error(`${what} did not happen within ${patienceMs / 1000} s.`, { cause: reason });
}

/** Until the agent itself says that Kinesis Video has stored a fragment for good. */
export async function untilPersisted(board: Board, signal?: AbortSignal): Promise<void> {
  await waitFor(
    `A PERSISTED fragment of ${board.deviceId}`,
    async () => {
      if (!board.process.running) throw board.process.failure();
      const { stream } = await board.status();
      return stream?.last_persisted_at === undefined ? undefined : true;
    },
    signal,
  );
}

/** Until the backend shows a board online and what its shadow reports. */
export async function untilReported(
  app: AppClient,
  deviceId: string,
  signal?: AbortSignal,
): Promise<{ shadow: ShadowSummary }> {
  return waitFor(
    `${deviceId} online with its shadow`,
    async () => {
      const { online, shadow } = expectAnswer(await app.device(deviceId), 200);
      return online && shadow !== null ? { shadow } : undefined;
    },
    signal,
  );
}

/** Until the backend answers with a playable stream. */
export async function untilPlayable(
  app: AppClient,
  deviceId: string,
  signal?: AbortSignal,
): Promise<{ url: string }> {
  return waitFor(
    `A stream of ${deviceId}`,
    async () => {
      const { status, body } = await app.stream(deviceId);
      if (status === 200) return body;
      throw new Error(`The stream answered ${status}: ${JSON.stringify(body)}`);
    },
    signal,
  );
}

import { describe, expect, it } from '@jest/globals';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { BatchLeased } from './backend-client.ts';
import { BatchLease } from './batch-lease.ts';
import type { StationRequests } from './station-requests.ts';

describe('a lease on a list', () => {
  const list = { batchId: 'B1', sha256: 'a'.repeat(64) };
  const away = new CloudFailure('unavailable', 'lease', 'away');
  const taken = new BatchLeased('line-2', '2026-03-01T08:00:00Z');

  /** Answers one after the other; the last one for ever. */
  function answering(...answers: (Error | undefined)[]) {
    const asked: string[] = [];
    const waiting: (() => void)[] = [];
    const requests = {
      lease: async ({ action }: { action: string }) => {
        asked.push(action);
        waiting.shift()?.();
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer && action === 'lease_batch') throw answer;
      },
    } as unknown as StationRequests;
    const nextCall = () => new Promise<void>((resolve) => waiting.push(resolve));
    return { requests, asked, nextCall };
  }

  it('is renewed until it is released', async () => {
    const clock = new FakeClock();
    const { requests, asked, nextCall } = answering(undefined);
    const lease = await BatchLease.acquire(requests, list, clock, () => expect(true).toBe(false));
    const renewed = nextCall();
    await clock.advance(100_000);
    await renewed;
    await lease.release();
    await lease.release();
    expect(asked).toEqual(['lease_batch', 'lease_batch', 'release_batch']);
  });

  it('is not needed while the backend is away, and refused when another station has it', async () => {
    const clock = new FakeClock();
    const lease = await BatchLease.acquire(answering(away).requests, list, clock, () => undefined);
    await lease.release();
    await expect(BatchLease.acquire(answering(taken).requests, list, clock, () => undefined)).rejects.toBe(
      taken,
    );
  });

  it('tells once when another station has taken over', async () => {
    const clock = new FakeClock();
    const lost: unknown[] = [];
    const told = new Promise<void>((resolve) => {
      const { requests } = answering(undefined, taken);
      void BatchLease.acquire(requests, list, clock, (refusal) => {
        lost.push(refusal);
        resolve();
      });
    });
    await clock.advance(100_000);
    await told;
    expect(lost).toEqual([taken]);
  });
});

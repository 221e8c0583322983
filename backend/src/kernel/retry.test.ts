import { describe, expect, it } from '@jest/globals';
import { AppError } from './errors.ts';
import { backoffMs, pauseMs, retry } from './retry.ts';

const policy = { firstMs: 100, capMs: 1_000 };

describe('backoffMs', () => {
  it('doubles up to the cap and spreads over the whole range', () => {
    expect([1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, policy, () => 1))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    expect(backoffMs(4, policy, () => 0)).toBe(0);
  });
});

describe('pauseMs', () => {
  it('is what the other side asked for when that is longer', () => {
    expect(pauseMs(new AppError('service_unavailable', { retryAfterMs: 5_000 }), 100)).toBe(5_000);
    expect(pauseMs(new Error('x'), 100)).toBe(100);
  });
});

describe('retry', () => {
  const options = { ...policy, attempts: 3, isPassing: () => true, random: () => 0 };

  it('tries until it succeeds', async () => {
    await expect(
      retry(async (attempt) => {
        if (attempt < 3) throw new Error('not yet');
        return attempt;
      }, options),
    ).resolves.toBe(3);
  });

  it('gives up after the last attempt, and at once when the failure will not pass', async () => {
    let attempts = 0;
    const failing = async (): Promise<never> => {
      attempts++;
      throw new Error(`no ${attempts}`);
    };
    await expect(retry(failing, options)).rejects.toThrow('no 3');
    await expect(retry(failing, { ...options, isPassing: () => false })).rejects.toThrow('no 4');
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const work = retry(
      async () => {
        stop.abort();
        throw new Error('again');
      },
      { ...options, random: () => 1, firstMs: 60_000, capMs: 60_000, signal: stop.signal },
    );
    await expect(work).rejects.toThrow('aborted');
  });
});

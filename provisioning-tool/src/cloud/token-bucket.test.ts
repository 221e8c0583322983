import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { CloudFailure } from './iot-registry.ts';
import { PacedCalls } from './paced-calls.ts';
import { TokenBucket } from './token-bucket.ts';

/** A service with a quota of its own, as a bucket that holds one second's worth. */
function service(quota: number, clock: FakeClock) {
  let tokens = quota;
  let at = clock.now();
  const answered: number[] = [];
  let refused = 0;
  return {
    answered,
    get refused() {
      return refused;
    },
    call: () => {
      tokens = Math.min(quota, tokens + ((clock.now() - at) / 1000) * quota);
      at = clock.now();
      if (tokens < 1) {
        refused += 1;
        return Promise.reject(new CloudFailure('throttled', 'Call', 'slow down'));
      }
      tokens -= 1;
      answered.push(clock.now());
      return Promise.resolve();
    },
  };
}

describe('the token bucket', () => {
  it('lets calls through at the quota, evenly and in order', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(10, clock);
    const times: [number, number][] = [];
    const all = Promise.all(
      Array.from({ length: 100 }, (_, i) => bucket.take().then(() => times.push([i, clock.now()]))),
    );
    await clock.runUntil(all);
    expect(times.map(([i]) => i)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const last = (times[99]?.[1] ?? 0) - FakeClock.start;
    // The first half second's worth goes at once.
    expect(last).toBeGreaterThanOrEqual(9_450);
    expect(last).toBeLessThanOrEqual(9_700);
    for (let i = 0; i + 15 < 100; i++)
      expect((times[i + 15]?.[1] ?? 0) - (times[i]?.[1] ?? 0)).toBeGreaterThan(950);
  });

  it('rejects whoever waits when the run is stopped, and goes on for others', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(1, clock);
    const stop = new AbortController();
    await bucket.take();
    const stopped = bucket.take(stop.signal);
    const other = bucket.take();
    stop.abort(new Error('stopped'));
    await clock.runUntil(Promise.allSettled([stopped, other]));
    await expect(stopped).rejects.toThrow('stopped');
    await other;
    await expect(bucket.take(stop.signal)).rejects.toThrow('stopped');
  });

  it('slows down once per volley of throttles and comes back to the quota', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(10, clock);
    bucket.throttled();
    bucket.throttled();
    expect(bucket.rate).toBeCloseTo(7);
    await clock.advance(1_000);
    expect(bucket.rate).toBeGreaterThan(9);
    await clock.advance(3_000);
    expect(bucket.rate).toBe(10);
  });

  it.each([
    ['the quota is what we think', 10, 10, 0.97],
    ['the account has less than we think', 10, 6, 0.9],
  ])('uses what the service gives when %s', async (_, believed, real, share) => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(believed, clock);
    const cloud = service(real, clock);
    const calls = real * 60;
    let seed = 1;
    const rules = {
      clock,
      random: () => {
        seed = (seed * 16_807) % 2_147_483_647;
        return seed / 2_147_483_647;
      },
      signal: new AbortController().signal,
      patienceMs: 0,
    };
    const paced = new PacedCalls(rules);
    await clock.runUntil(Promise.all(Array.from({ length: calls }, () => paced.call(bucket, cloud.call))));
    const seconds = (clock.now() - FakeClock.start) / 1000;
    expect(calls / seconds / real).toBeGreaterThanOrEqual(share);
  });
});

describe('paced calls', () => {
  const pacedFor = (clock: FakeClock, patienceMs: number) =>
    new PacedCalls({ clock, random: () => 0.5, signal: new AbortController().signal, patienceMs });
  const away = () => Promise.reject(new CloudFailure('unavailable', 'Call', 'away'));

  it('wait out an outage as long as the patience lasts', async () => {
    const clock = new FakeClock();
    const back = clock.now() + 20_000;
    const call = () => (clock.now() < back ? away() : Promise.resolve('there'));
    const patient = pacedFor(clock, 60_000).call(undefined, call);
    await clock.runUntil(patient);
    expect(await patient).toBe('there');
    const impatient = pacedFor(clock, 5_000).call(undefined, away);
    await clock.runUntil(Promise.allSettled([impatient]));
    await expect(impatient).rejects.toThrow('away');
  });

  it('do not take the wait for a turn, nor the silence of one call among others, for an outage', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(2, clock);
    const paced = pacedFor(clock, 1_000);
    let calls = 0;
    const everyThirdLost = () => (++calls % 3 === 0 ? away() : Promise.resolve());
    await clock.runUntil(Promise.all(Array.from({ length: 60 }, () => paced.call(bucket, everyThirdLost))));
    expect(calls).toBeGreaterThan(60);
  });

  it('give up one call that never gets an answer while others do', async () => {
    const clock = new FakeClock();
    const paced = pacedFor(clock, 3_600_000);
    const lost = paced.call(undefined, away);
    await clock.runUntil(Promise.allSettled([lost]));
    await expect(lost).rejects.toThrow('away');
  });

  it('do not repeat what repeating does not mend', async () => {
    let calls = 0;
    const refused = pacedFor(new FakeClock(), 60_000).call(undefined, () => {
      calls += 1;
      return Promise.reject(new CloudFailure('conflict', 'Call', 'other content'));
    });
    await expect(refused).rejects.toThrow('other content');
    expect(calls).toBe(1);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Part, PartHealth } from '../../part.ts';
import type { StreamState } from '../../streaming/stream-uploader.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Liveness } from './liveness.ts';

const minute = 60_000;

describe('liveness', () => {
  let clock: FakeClock;
  let health: () => PartHealth;
  let stream: { state: StreamState; last_persisted_at?: number };
  let liveness: Liveness;

  beforeEach(() => {
    clock = new FakeClock();
    health = () => ({ ok: true, detail: '' });
    stream = { state: 'waiting' };
    const part: Part = {
      name: 'iot',
      start: async () => {},
      stop: async () => {},
      health: () => health(),
    };
    liveness = new Liveness({ clock, parts: () => [part], stream: () => stream });
  });

  /** Looks every minute; the first standstill. */
  async function after(minutes: number, each: () => void = () => {}): Promise<string | undefined> {
    for (let i = 0; i < minutes; i++) {
      each();
      const found = liveness.standstill();
      if (found !== undefined) return found;
      await clock.advance(minute);
    }
    return undefined;
  }

  it('a board without network for days is alive', async () => {
    health = () => ({ ok: false, detail: 'The uplink is down.' });
    expect(await after(3 * 24 * 60)).toBeUndefined();
  });

  it('a part that stands still is not', () => {
    health = () => ({ ok: false, detail: 'connecting to x', stuck: true });
    expect(liveness.standstill()).toBe('iot: connecting to x');
  });

  it('nor one that does not answer', () => {
    health = () => {
      throw new Error('a defect');
    };
    expect(liveness.standstill()).toBe('a part does not answer: a defect');
  });

  it('a stream that is confirmed lives, whatever happens to the clock', async () => {
    stream = { state: 'streaming', last_persisted_at: clock.now() };
    const confirmed = (): void => {
      stream = { state: 'streaming', last_persisted_at: clock.now() };
    };
    expect(await after(60, confirmed)).toBeUndefined();
    clock.setWallClock(Date.UTC(2040, 0, 1));
    expect(await after(5)).toBeUndefined();
  });

  it('one that flows without ever being confirmed does not', async () => {
    stream = { state: 'degraded' };
    expect(await after(60)).toContain('nothing was confirmed for 10 minutes');
  });

  it('one that waits may do so for ever, and begins anew after it', async () => {
    stream = { state: 'streaming' };
    expect(await after(9)).toBeUndefined();
    stream = { state: 'waiting' };
    expect(await after(600)).toBeUndefined();
    stream = { state: 'streaming' };
    expect(await after(9)).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Presence, type PresenceEvent, presenceAfter } from './presence-rules.ts';

const minute = 60_000;
const connected = (sessionId: string, version: number, atMs: number): PresenceEvent => ({
  eventType: 'connected',
  sessionId,
  version,
  atMs,
});
const disconnected = (sessionId: string, version: number, atMs: number): PresenceEvent => ({
  ...connected(sessionId, version, atMs),
  eventType: 'disconnected',
});
const after = (events: PresenceEvent[]): Presence | undefined =>
  events.reduce<Presence | undefined>((known, event) => presenceAfter(known, event) ?? known, undefined);

describe('one connection', () => {
  it('is on, then off', () => {
    expect(after([connected('a', 1, 0)])?.online).toBe(true);
    expect(after([connected('a', 1, 0), disconnected('a', 1, 5)])?.online).toBe(false);
  });
  it('stays ended when its begin comes late', () => {
    expect(after([disconnected('a', 1, 5), connected('a', 1, 0)])?.online).toBe(false);
  });
  it('ignores repetition', () => {
    const known = after([connected('a', 1, 0)]);
    expect(presenceAfter(known, connected('a', 1, 0))).toBeUndefined();
  });
});

describe('a take-over', () => {
  it('stays on when the end of the old connection comes late', () => {
    expect(after([connected('a', 1, 0), connected('b', 2, 9), disconnected('a', 1, 10)])?.online).toBe(true);
  });
  it('comes on although the old connection ended later by the clock', () => {
    expect(after([connected('a', 1, 0), disconnected('a', 1, 10), connected('b', 2, 9)])?.online).toBe(true);
  });
});

describe('the count starting over after an hour offline', () => {
  const old = [connected('a', 7, 0), disconnected('a', 7, 10)];
  it('comes on with a lower version', () => {
    expect(after([...old, connected('b', 0, 90 * minute)])?.online).toBe(true);
  });
  it('is not undone by a late copy of the old end', () => {
    const known = after([connected('b', 0, 90 * minute)]);
    expect(presenceAfter(known, disconnected('a', 7, 10))).toBeUndefined();
  });
  it('comes on with the very same version', () => {
    expect(
      after([connected('a', 0, 0), disconnected('a', 0, 10), connected('b', 0, 90 * minute)])?.online,
    ).toBe(true);
  });
});

it('ends in the same state in every order and with every duplicate', () => {
  // Boards reconnect after 1 s to 20 min: one count, so versions tell the order.
  const life = fc
    .array(
      fc.record({ upMs: fc.integer({ min: 1, max: 60_000 }), downMs: fc.integer({ min: 1, max: 60_000 }) }),
      {
        minLength: 1,
        maxLength: 8,
      },
    )
    .chain((spans) => {
      const events: PresenceEvent[] = [];
      let atMs = 0;
      for (const [version, { upMs, downMs }] of spans.entries()) {
        events.push(
          connected(`s${version}`, version, atMs),
          disconnected(`s${version}`, version, atMs + upMs),
        );
        atMs += upMs + downMs;
      }
      return fc.boolean().map((stillOn) => (stillOn ? events.slice(0, -1) : events));
    });
  fc.assert(
    fc.property(
      life.chain((events) =>
        fc
          .shuffledSubarray([...events, ...events], { minLength: events.length * 2 })
          .map((shuffled) => ({ events, shuffled })),
      ),
      ({ events, shuffled }) => {
        expect(after(shuffled)?.online).toBe(events.at(-1)?.eventType === 'connected');
      },
    ),
  );
});

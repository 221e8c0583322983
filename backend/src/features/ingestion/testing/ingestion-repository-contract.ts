import { boardEventSchema } from '@aovis/contracts/events';
import fixture from '@aovis/contracts/fixtures/iot-event.v1.json' with { type: 'json' };
import { telemetryBatchSchema } from '@aovis/contracts/telemetry';
import { expect, it } from '@jest/globals';
import { type IngestionRepository, touchEveryMs } from '../ingestion-repository.ts';

export interface IngestionRepositoryStand {
  repository: IngestionRepository;
  newThing: () => Promise<string>;
  eventsOf: (thing: string) => Promise<unknown[]>;
  telemetryOf: (thing: string) => Promise<unknown[]>;
  lastSeenOf: (thing: string) => Promise<Date | undefined>;
}

/** What every repository of ingestion must do; run on the real one and on the fake. */
export function ingestionRepositoryContract(makeStand: () => Promise<IngestionRepositoryStand>): void {
  const at = new Date('2026-03-01T08:00:00Z');
  const later = (ms: number): Date => new Date(at.getTime() + ms);

  it('knows things', async () => {
    const { repository, newThing } = await makeStand();
    expect(await repository.knows(await newThing())).toBe(true);
    expect(await repository.knows('aovis-n4k-999999')).toBe(false);
  });

  it('takes a key once for each thing', async () => {
    const { repository, newThing } = await makeStand();
    const [one, another] = [await newThing(), await newThing()];
    expect(await repository.markIngested(one, 'event:1', 'event', at)).toBe(true);
    expect(await repository.markIngested(one, 'event:1', 'event', at)).toBe(false);
    expect(await repository.markIngested(another, 'event:1', 'event', at)).toBe(true);
    expect(await repository.markIngested(one, 'telemetry:1', 'telemetry', at)).toBe(true);
  });

  it('keeps events as they came', async () => {
    const { repository, newThing, eventsOf } = await makeStand();
    const thing = await newThing();
    const event = boardEventSchema.parse(fixture.event.payload);
    await repository.insertEvent(thing, event, at);
    expect(await eventsOf(thing)).toEqual([event]);
  });

  it('stores new batches of samples with all that goes with them, once, and for known things', async () => {
    const { repository, newThing, telemetryOf, lastSeenOf } = await makeStand();
    const [one, another] = [await newThing(), await newThing()];
    const batch = telemetryBatchSchema.parse(fixture.telemetry.payload);
    const message = { thing: one, dedupKey: 'telemetry:1', batch, receivedAt: at };
    const next = { ...message, dedupKey: 'telemetry:2', receivedAt: later(1) };
    const elsewhere = { ...message, thing: another, receivedAt: later(2) };
    const unknown = { ...message, thing: 'aovis-n4k-999999' };
    expect(await repository.storeNewTelemetry([message, unknown, elsewhere, { ...message }, next])).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
    expect(await telemetryOf(one)).toEqual([...batch.samples, ...batch.samples]);
    expect(await telemetryOf(another)).toEqual(batch.samples);
    expect(await telemetryOf(unknown.thing)).toEqual([]);
    expect(await repository.markIngested(one, 'telemetry:1', 'telemetry', at)).toBe(false);

    const again = { ...message, receivedAt: later(3_600_000) };
    expect(await repository.storeNewTelemetry([again])).toEqual([false]);
    expect(await telemetryOf(one)).toHaveLength(2 * batch.samples.length);
    expect([at, later(1)]).toContainEqual(await lastSeenOf(one));
    expect(await lastSeenOf(another)).toEqual(later(2));
  });

  it('moves the time of the last word with samples as it does without', async () => {
    const { repository, newThing, lastSeenOf } = await makeStand();
    const thing = await newThing();
    const batch = telemetryBatchSchema.parse(fixture.telemetry.payload);
    const seen: unknown[] = [];
    for (const ms of [0, touchEveryMs, -60_000, touchEveryMs + 1]) {
      await repository.storeNewTelemetry([
        { thing, dedupKey: `telemetry:${ms}`, batch, receivedAt: later(ms) },
      ]);
      seen.push(await lastSeenOf(thing));
    }
    expect(seen).toEqual([at, at, at, later(touchEveryMs + 1)]);
  });

  it('keeps the presence', async () => {
    const { repository, newThing } = await makeStand();
    const thing = await newThing();
    expect(await repository.lockPresence(thing)).toBeUndefined();
    const on = { online: true, sessionId: 's1', version: 4, atMs: at.getTime() };
    await repository.storePresence(thing, on, undefined);
    expect(await repository.lockPresence(thing)).toEqual(on);
    const off = { ...on, online: false, atMs: at.getTime() + 1 };
    await repository.storePresence(thing, off, 'CONNECTION_LOST');
    expect(await repository.lockPresence(thing)).toEqual(off);
  });

  it('moves the time of the last word forward, and not at every word', async () => {
    const { repository, newThing, lastSeenOf } = await makeStand();
    const thing = await newThing();
    expect(await lastSeenOf(thing)).toBeUndefined();
    for (const ms of [0, 1, -60_000, touchEveryMs]) {
      await repository.touch(thing, later(ms));
      expect(await lastSeenOf(thing)).toEqual(at);
    }
    await repository.touch(thing, later(touchEveryMs + 1));
    expect(await lastSeenOf(thing)).toEqual(later(touchEveryMs + 1));
  });
}

import type { BoardEvent } from '@aovis/contracts/events';
import type { TelemetrySample } from '@aovis/contracts/telemetry';
import { type IngestionRepository, type TelemetryMessage, touchEveryMs } from './ingestion-repository.ts';
import type { Presence } from './presence-rules.ts';

/** Passes the same contract suite as the real one (`ingestion-repository-contract.ts`). */
export class FakeIngestionRepository implements IngestionRepository {
  readonly things: Set<string>;
  readonly events: { thing: string; event: BoardEvent }[] = [];
  readonly telemetry: { thing: string; sample: TelemetrySample }[] = [];
  readonly presences = new Map<string, Presence>();
  readonly lastSeen = new Map<string, Date>();
  readonly #ingested = new Set<string>();

  constructor(things: readonly string[]) {
    this.things = new Set(things);
  }

  async knows(thing: string): Promise<boolean> {
    return this.things.has(thing);
  }

  async markIngested(thing: string, dedupKey: string): Promise<boolean> {
    const key = `${thing} ${dedupKey}`;
    const isNew = !this.#ingested.has(key);
    this.#ingested.add(key);
    return isNew;
  }

  async insertEvent(thing: string, event: BoardEvent): Promise<void> {
    this.events.push({ thing, event });
  }

  async storeNewTelemetry(messages: readonly TelemetryMessage[]): Promise<boolean[]> {
    const results: boolean[] = [];
    for (const { thing, dedupKey, batch, receivedAt } of messages) {
      const isNew = this.things.has(thing) && (await this.markIngested(thing, dedupKey));
      results.push(isNew);
      if (!isNew) continue;
      await this.touch(thing, receivedAt);
      this.telemetry.push(...batch.samples.map((sample) => ({ thing, sample })));
    }
    return results;
  }

  async lockPresence(thing: string): Promise<Presence | undefined> {
    return this.presences.get(thing);
  }

  async storePresence(thing: string, presence: Presence): Promise<void> {
    this.presences.set(thing, presence);
  }

  async touch(thing: string, seenAt: Date): Promise<void> {
    const before = this.lastSeen.get(thing);
    if (before === undefined || before.getTime() < seenAt.getTime() - touchEveryMs)
      this.lastSeen.set(thing, seenAt);
  }
}

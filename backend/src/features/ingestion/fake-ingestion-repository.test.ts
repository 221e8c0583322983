import { describe } from '@jest/globals';
import { FakeIngestionRepository } from './fake-ingestion-repository.ts';
import { ingestionRepositoryContract } from './testing/ingestion-repository-contract.ts';

describe('the fake ingestion repository', () => {
  ingestionRepositoryContract(async () => {
    const repository = new FakeIngestionRepository([]);
    return {
      repository,
      newThing: async () => {
        const thing = `aovis-n4k-${String(repository.things.size + 1).padStart(6, '0')}`;
        repository.things.add(thing);
        return thing;
      },
      eventsOf: async (thing) =>
        repository.events.filter((entry) => entry.thing === thing).map(({ event }) => event),
      telemetryOf: async (thing) =>
        repository.telemetry.filter((entry) => entry.thing === thing).map(({ sample }) => sample),
      lastSeenOf: async (thing) => repository.lastSeen.get(thing),
    };
  });
});

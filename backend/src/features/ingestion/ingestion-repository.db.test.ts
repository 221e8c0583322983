import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { seedBoard } from '../devices/testing/seed.ts';
import { KnexIngestionRepository } from './ingestion-repository.ts';
import { ingestionRepositoryContract } from './testing/ingestion-repository-contract.ts';

interface EventRow {
  device_id: string;
  event_id: string;
  type: string;
  occurred_at: Date;
  seq: string;
  data: unknown;
}
interface TelemetryRow {
  id: string;
  device_id: string;
  metric: string;
  value: number;
  unit: string;
  at: Date;
}

describe('the ingestion repository', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  ingestionRepositoryContract(async () => {
    const db = database.knex;
    return {
      repository: new KnexIngestionRepository(db),
      newThing: () => seedBoard(db),
      eventsOf: async (thing) => {
        const rows = await db<EventRow>('device_events').where({ device_id: thing });
        return rows.map(({ event_id, type, occurred_at, seq, data }) => ({
          event_id,
          type,
          occurred_at: occurred_at.getTime(),
          seq: Number(seq),
          data,
        }));
      },
      telemetryOf: async (thing) => {
        const rows = await db<TelemetryRow>('device_telemetry').where({ device_id: thing }).orderBy('id');
        return rows.map(({ metric, value, unit, at }) => ({ metric, value, unit, at: at.getTime() }));
      },
      lastSeenOf: async (thing) => {
        const row = await db('devices').where({ device_id: thing }).first<{ last_seen_at: Date | null }>();
        return row.last_seen_at ?? undefined;
      },
    };
  });
});

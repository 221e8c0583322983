import { Writable } from 'node:stream';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../kernel/logger.ts';
import { claimDueJob, listJobs } from './job-table.ts';
import type { ScheduledJob } from './scheduled-job.ts';
import { Scheduler } from './scheduler.ts';

describe('scheduled jobs', () => {
  let database: TestDatabase;
  let lines: string[];
  let runs: string[];
  const never = new AbortController().signal;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    lines = [];
    runs = [];
    await database.knex('scheduled_jobs').delete();
  });

  const job = (name: string, work: ScheduledJob['run'] = async () => ({ done: 1 })): ScheduledJob => ({
    name,
    everySeconds: 3_600,
    run: async (signal) => {
      runs.push(name);
      return work(signal);
    },
  });
  const instance = (jobs: ScheduledJob[], leaseMs = 60_000): Scheduler => {
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(chunk.toString());
        done();
      },
    });
    return new Scheduler({
      db: database.knex,
      jobs,
      leaseMs,
      log: createLogger({ level: 'debug', destination }),
    });
  };
  const makeDue = async (): Promise<void> => {
    await database
      .knex('scheduled_jobs')
      .update({ next_run_at: database.knex.raw(`now() - interval '1 s'`) });
  };

  it('run when they are due, and not again before their time', async () => {
    const scheduler = instance([job('a'), job('b')]);
    expect((await scheduler.runDue(never)).sort()).toEqual(['a', 'b']);
    expect(await scheduler.runDue(never)).toEqual([]);
    await makeDue();
    expect((await scheduler.runDue(never)).sort()).toEqual(['a', 'b']);
    const [state] = await listJobs(database.knex);
    expect(state).toMatchObject({ name: 'a', running: false, failures: 0, lastResult: { done: 1 } });
  });

  it('run once, however many instances look', async () => {
    const instances = Array.from({ length: 4 }, () => instance([job('a'), job('b'), job('c')]));
    for (let tick = 0; tick < 5; tick++) {
      await Promise.all(instances.map((scheduler) => scheduler.runDue(never)));
      await makeDue();
    }
    expect(runs.filter((name) => name === 'a')).toHaveLength(5);
    expect(runs).toHaveLength(15);
  });

  it('run again when their instance died', async () => {
    const scheduler = instance([job('a')], 50);
    await scheduler.runDue(never);
    await makeDue();
    const died = await claimDueJob(database.knex, { names: ['a'], leaseMs: 60_000 });
    expect(died?.name).toBe('a');
    expect(await scheduler.runDue(never)).toEqual([]);
    await database
      .knex('scheduled_jobs')
      .update({ leased_until: database.knex.raw(`now() - interval '1 ms'`) });
    expect(await scheduler.runDue(never)).toEqual(['a']);
  });

  it('are told to end when another instance took over', async () => {
    const { promise: told, resolve } = Promise.withResolvers<void>();
    const slow = job('slow', async (signal) => {
      await database.knex('scheduled_jobs').update({ lease_id: database.knex.raw('gen_random_uuid()') });
      signal.addEventListener('abort', () => resolve());
      await told;
      return { done: 0 };
    });
    await instance([slow], 30).runDue(never);
    const [state] = await listJobs(database.knex);
    expect(state?.lastResult).toBeUndefined();
  });

  it('come again sooner after a failure, which is logged', async () => {
    const failing = job('failing', () => Promise.reject(new Error('the carrier is away')));
    await instance([failing]).runDue(never);
    const [state] = await listJobs(database.knex);
    expect(state).toMatchObject({ failures: 1, lastError: 'the carrier is away' });
    expect((state?.nextRunAt.getTime() ?? 0) - Date.now()).toBeLessThan(6_000);
    expect(lines.join('')).toContain('a scheduled job failed');
  });

  it('start by themselves, and stop', async () => {
    const { promise: ran, resolve } = Promise.withResolvers<void>();
    const scheduler = instance([
      job('a', async () => {
        resolve();
        return {};
      }),
    ]);
    scheduler.start();
    await ran;
    await Promise.all([scheduler.stop(), scheduler.stop()]);
    expect((await listJobs(database.knex))[0]?.running).toBe(false);
  });

  it('have names of their own', () => {
    expect(() => instance([job('a'), job('a')])).toThrow('same name');
  });
});

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createLogger } from '../../host/logger.ts';
import { FakeIotConnection } from '../../iot/testing/fake-iot-connection.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { testThing } from '../../testing/test-bundle.ts';
import { until } from '../../testing/until.ts';
import type { JobHandlers } from '../job-handler.ts';
import { JobRunner } from '../job-runner.ts';
import { JobsClient } from '../jobs-client.ts';
import { OutcomeFile } from '../outcome-file.ts';
import { type FakeExecution, FakeJobsService, type JobStatus } from './fake-jobs-service.ts';

/** One life of an agent, as far as jobs go; the next life in the same directory, with the same service, goes on. */
export class JobStand {
  readonly connection: FakeIotConnection;
  readonly clock: FakeClock;
  readonly service: FakeJobsService;
  readonly #runner: JobRunner;

  constructor(
    directory: string,
    handlers: JobHandlers,
    { service, clock = new FakeClock() }: { service?: FakeJobsService; clock?: FakeClock } = {},
  ) {
    const connection = new FakeIotConnection();
    this.connection = connection;
    this.clock = clock;
    this.service =
      service ?? new FakeJobsService(testThing, ({ topic, payload }) => this.#deliver(topic, payload));
    if (service !== undefined) service.send = ({ topic, payload }) => this.#deliver(topic, payload);
    connection.onPublish = (message) => this.service.answer(message);
    this.#runner = new JobRunner({
      client: new JobsClient({ connection, clock, thing: testThing, newToken: randomUUID }),
      connection,
      clock,
      logger: createLogger({ level: 'silent' }),
      random: () => 0.5,
      outcomes: new OutcomeFile(join(directory, 'jobs.json')),
      handlers,
    });
  }

  async start(): Promise<this> {
    await this.startOffline();
    this.connection.connect();
    return this;
  }

  startOffline(): Promise<void> {
    return this.#runner.start(new AbortController().signal);
  }

  async untilStatus(jobId: string, ...statuses: JobStatus[]): Promise<FakeExecution> {
    await until(() => statuses.includes(this.service.find(jobId).status));
    return this.service.find(jobId);
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }

  get detail(): string {
    return this.#runner.health().detail;
  }

  #deliver(topic: string, payload: string): void {
    if (this.connection.state === 'connected') this.connection.deliver(topic, payload);
  }
}

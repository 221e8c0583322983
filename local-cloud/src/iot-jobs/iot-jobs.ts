import type { AdminRoute } from '../kernel/admin-route.ts';
import type { AwsOperation } from '../kernel/aws-server.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { jobOperations } from './control-operations.ts';
import { JobsDataPlane } from './data-plane.ts';
import { Executions } from './executions.ts';
import { type JobsDataOperation, jobsDataOperations } from './http-operations.ts';
import { type JobsBus, JobTopics } from './job-topics.ts';
import { Jobs, type JobTargets } from './jobs.ts';
import { JobsState } from './state.ts';

/** How often time-outs are looked for when nobody asks. */
const sweepEveryMs = 1_000;

/**
 * AWS IoT Jobs. It has no port of its own: the control plane serves `controlOperations`, the data plane `dataOperations`,
 * the broker carries the topics.
 */
export class IotJobs implements Service {
  readonly name = 'iot-jobs';
  readonly adminRoutes: readonly AdminRoute[] = [];
  readonly controlOperations: readonly AwsOperation[];
  readonly dataOperations: readonly JobsDataOperation[];
  readonly #executions: Executions;
  readonly #topics: JobTopics;
  #closeTopics: (() => void) | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(environment: Environment, targets: JobTargets, bus: () => JobsBus) {
    const state = new JobsState(environment);
    this.#executions = new Executions(state);
    const plane = new JobsDataPlane(state, this.#executions, (thingName) => targets.thingExists(thingName));
    this.#topics = new JobTopics(plane, state, this.#executions, bus);
    this.controlOperations = jobOperations(state, new Jobs(state, this.#executions, targets));
    this.dataOperations = jobsDataOperations(plane);
  }

  async start(): Promise<void> {
    if (this.#closeTopics !== undefined) return;
    this.#closeTopics = this.#topics.open();
    this.#sweeper = setInterval(() => this.#executions.expire(), sweepEveryMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#closeTopics?.();
    this.#closeTopics = undefined;
  }
}

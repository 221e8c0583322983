import type { z } from 'zod';
import type { Executions } from './executions.ts';
import { JobError } from './job-error.ts';
import type { describeSchema, startNextSchema, updateSchema } from './requests.ts';
import { executionStateOf, isPending, type JobsState } from './state.ts';
import { documentOf, executionView, summaryOf } from './views.ts';

/** How a door writes job documents. */
export type DocumentForm = 'json' | 'text';

/** The four requests of the jobs data plane, the same by MQTT and by HTTP. All throw JobError. */
export class JobsDataPlane {
  readonly #state: JobsState;
  readonly #executions: Executions;
  readonly #thingExists: (thingName: string) => boolean;

  constructor(state: JobsState, executions: Executions, thingExists: (thingName: string) => boolean) {
    this.#state = state;
    this.#executions = executions;
    this.#thingExists = thingExists;
  }

  /** GetPendingJobExecutions. */
  pending(thingName: string) {
    this.#checkThing(thingName);
    this.#executions.expire();
    const pending = this.#state.pendingOf(thingName);
    const of = (status: string) => pending.filter((execution) => execution.status === status).map(summaryOf);
    return { inProgressJobs: of('IN_PROGRESS'), queuedJobs: of('QUEUED') };
  }

  /** StartNextPendingJobExecution: without `execution` when nothing is pending. */
  startNext(thingName: string, request: z.output<typeof startNextSchema>, document: DocumentForm) {
    this.#checkThing(thingName);
    const execution = this.#executions.startNext(thingName, request);
    return execution === undefined ? {} : { execution: executionView(this.#state, execution, { document }) };
  }

  /** DescribeJobExecution; `$next` without anything pending answers without `execution`. */
  describe(
    thingName: string,
    jobId: string,
    request: z.output<typeof describeSchema>,
    document: DocumentForm,
  ) {
    this.#checkThing(thingName);
    const execution = this.#executions.find(thingName, jobId, request.executionNumber);
    if (execution === undefined) return {};
    if (!isPending(execution))
      throw new JobError('TerminalStateReached', `The job execution is ${execution.status}`);
    const form = request.includeJobDocument ? document : 'none';
    return { execution: executionView(this.#state, execution, { document: form }) };
  }

  /** UpdateJobExecution. */
  update(thingName: string, jobId: string, request: z.output<typeof updateSchema>, document: DocumentForm) {
    this.#checkThing(thingName);
    const execution = this.#executions.update(thingName, jobId, request);
    const json = documentOf(this.#state, execution);
    return {
      ...(request.includeJobExecutionState ? { executionState: executionStateOf(execution) } : {}),
      ...(request.includeJobDocument
        ? { jobDocument: document === 'json' ? json : JSON.stringify(json) }
        : {}),
    };
  }

  #checkThing(thingName: string): void {
    if (!this.#thingExists(thingName))
      throw new JobError('ResourceNotFound', `Thing ${thingName} was not found`);
  }
}

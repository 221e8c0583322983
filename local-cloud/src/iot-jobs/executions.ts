import { EventEmitter } from 'node:events';
import { JobError } from './job-error.ts';
import {
  type ExecutionStatus,
  executionStateOf,
  isPending,
  type JobsState,
  type StoredExecution,
} from './state.ts';

/** What a board may set. */
export type DeviceStatus = 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED';

export interface ExecutionUpdate {
  status: DeviceStatus;
  /** Replaces the former ones; absent leaves them. */
  statusDetails?: Record<string, string> | undefined;
  expectedVersion?: number | undefined;
  executionNumber?: number | undefined;
  /** 1 to 10,080, or -1 to drop the step's timer; absent leaves it as it is. */
  stepTimeoutInMinutes?: number | undefined;
}

export interface ExecutionChanges {
  /** The list of what these things have to do has changed. */
  pending: [thingName: string];
  /** What a thing should do next is another execution than before, or there is none any more. */
  next: [thingName: string];
}

const minuteMs = 60_000;

/** AWS IoT Developer Guide, "Job execution states": where a board may go from where. */
const allowed: Partial<Record<ExecutionStatus, readonly DeviceStatus[]>> = {
  QUEUED: ['IN_PROGRESS', 'REJECTED'],
  IN_PROGRESS: ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED'],
};

/** What becomes of executions: begun, updated, ended, timed out. Announces what boards are told of. */
export class Executions {
  readonly changes = new EventEmitter<ExecutionChanges>();
  readonly #state: JobsState;

  constructor(state: JobsState) {
    this.#state = state;
  }

  /** Queues the job for each of the things. */
  queue(jobId: string, thingNames: readonly string[]): void {
    const now = this.#state.now();
    this.#changing(thingNames, () => {
      for (const thingName of thingNames)
        this.#state.put({
          jobId,
          thingName,
          sequence: this.#state.nextSequence(),
          status: 'QUEUED',
          statusDetails: {},
          queuedAt: now,
          lastUpdatedAt: now,
          executionNumber: 1,
          versionNumber: 1,
          forceCanceled: false,
        });
    });
  }

  /** The execution a board asks for; `$next` is the first that is pending. Undefined when nothing is. */
  find(thingName: string, jobId: string, executionNumber?: number): StoredExecution | undefined {
    this.expire();
    if (jobId === '$next') return this.#state.pendingOf(thingName)[0];
    const execution = this.#state.find(thingName, jobId);
    if (execution === undefined || !(executionNumber === undefined || executionNumber === 1))
      throw new JobError('ResourceNotFound', `Thing ${thingName} has no execution of job ${jobId}`);
    return execution;
  }

  /** Begins what is next. What is in progress already is answered as it is, but for a new step timer. */
  startNext(
    thingName: string,
    request: Pick<ExecutionUpdate, 'statusDetails' | 'stepTimeoutInMinutes'>,
  ): StoredExecution | undefined {
    const next = this.find(thingName, '$next');
    if (next === undefined) return undefined;
    if (next.status === 'QUEUED')
      return this.update(thingName, next.jobId, { ...request, status: 'IN_PROGRESS' });
    if (request.stepTimeoutInMinutes === undefined) return next;
    const timed = this.#timed(next, request.stepTimeoutInMinutes);
    this.#state.put(timed);
    return timed;
  }

  /** A board's word on an execution; throws JobError. */
  update(thingName: string, jobId: string, update: ExecutionUpdate): StoredExecution {
    const execution = this.find(thingName, jobId, update.executionNumber);
    if (execution === undefined)
      throw new JobError('ResourceNotFound', `Thing ${thingName} has no pending job execution`);
    const { expectedVersion, status } = update;
    if (expectedVersion !== undefined && expectedVersion !== execution.versionNumber)
      throw new JobError(
        'VersionMismatch',
        `The version is ${execution.versionNumber}, not the expected ${expectedVersion}`,
        executionStateOf(execution),
      );
    if (allowed[execution.status]?.includes(status) !== true)
      throw new JobError(
        'InvalidStateTransition',
        `A job execution cannot go from ${execution.status} to ${status}`,
        executionStateOf(execution),
      );
    return this.#move(execution, status, update);
  }

  /** The service's own word; the caller has checked that it may be. */
  end(
    execution: StoredExecution,
    status: 'CANCELED' | 'TIMED_OUT' | 'REMOVED',
    change: { statusDetails?: Record<string, string> | undefined; force?: boolean } = {},
  ): void {
    this.#move({ ...execution, forceCanceled: change.force === true }, status, change);
  }

  /** Forgets the executions of a job. */
  removeOfJob(jobId: string): void {
    const executions = this.#state.ofJob(jobId);
    this.#changing(
      executions.map(({ thingName }) => thingName),
      () => {
        for (const execution of executions) this.#state.remove(execution);
      },
    );
  }

  /** Times out what is overdue; called before every answer, and now and then. */
  expire(): void {
    const now = this.#state.now();
    for (const execution of this.#state.all()) {
      const { status, timeoutAt = Infinity, stepTimeoutAt = Infinity } = execution;
      if (status === 'IN_PROGRESS' && Math.min(timeoutAt, stepTimeoutAt) <= now)
        this.end(execution, 'TIMED_OUT');
    }
  }

  #move(
    execution: StoredExecution,
    status: ExecutionStatus,
    { statusDetails, stepTimeoutInMinutes }: Omit<ExecutionUpdate, 'status'>,
  ): StoredExecution {
    const now = this.#state.now();
    const begins = status === 'IN_PROGRESS' && execution.status === 'QUEUED';
    const minutes = this.#state.jobs.get(execution.jobId)?.inProgressTimeoutMinutes;
    const moved = this.#timed(
      {
        ...execution,
        status,
        statusDetails: statusDetails ?? execution.statusDetails,
        lastUpdatedAt: now,
        versionNumber: execution.versionNumber + 1,
        ...(begins ? { startedAt: now } : {}),
        ...(begins && minutes !== undefined ? { timeoutAt: now + minutes * minuteMs } : {}),
      },
      stepTimeoutInMinutes,
    );
    this.#changing([execution.thingName], () => {
      this.#state.put(moved);
      if (!isPending(moved)) this.#completeJob(moved.jobId);
    });
    return moved;
  }

  #timed(execution: StoredExecution, stepTimeoutInMinutes: number | undefined): StoredExecution {
    if (stepTimeoutInMinutes === undefined) return execution;
    const { stepTimeoutAt: _, ...rest } = execution;
    return stepTimeoutInMinutes === -1
      ? rest
      : { ...rest, stepTimeoutAt: this.#state.now() + stepTimeoutInMinutes * minuteMs };
  }

  /** A job ends with the last of its executions. */
  #completeJob(jobId: string): void {
    const job = this.#state.jobs.get(jobId);
    if (job?.status !== 'IN_PROGRESS' || this.#state.ofJob(jobId).some(isPending)) return;
    const now = this.#state.now();
    this.#state.jobs.put(jobId, { ...job, status: 'COMPLETED', lastUpdatedAt: now, completedAt: now });
  }

  /** Writes as one, then tells the things whose list or whose next execution is another than before. */
  #changing(thingNames: readonly string[], write: () => void): void {
    const look = (): { ids: string; next: string | undefined }[] =>
      thingNames.map((thingName) => {
        const ids = this.#state.pendingOf(thingName).map(({ jobId }) => jobId);
        return { ids: [...ids].sort().join(' '), next: ids[0] };
      });
    const before = look();
    this.#state.environment.store.transaction(write);
    look().forEach(({ ids, next }, index) => {
      const thingName = thingNames[index];
      if (thingName === undefined) return;
      if (ids !== before[index]?.ids) this.changes.emit('pending', thingName);
      if (next !== before[index]?.next) this.changes.emit('next', thingName);
    });
  }
}

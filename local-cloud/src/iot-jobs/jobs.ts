import {
  alreadyExists,
  invalidRequest,
  limitExceeded,
  notFound,
  versionConflict,
} from '../iot-core/errors.ts';
import { AwsError } from '../kernel/aws-error.ts';
import type { Executions } from './executions.ts';
import {
  type ExecutionStatus,
  isPending,
  type JobsState,
  type StoredExecution,
  type StoredJob,
} from './state.ts';

/** AWS IoT Device Management quotas, "Jobs". */
const documentBytes = 32 * 1024;
const mostTargets = 100;

/** What jobs ask of the registry. */
export interface JobTargets {
  thingExists(thingName: string): boolean;
  /** The things of a group and of the groups below it; undefined when there is no such group. */
  thingsOfGroup(thingGroupName: string): string[] | undefined;
}

export interface JobRequest {
  jobId: string;
  targets: string[];
  document: string;
  description?: string | undefined;
  inProgressTimeoutMinutes?: number | undefined;
}

/** AWS IoT API reference, InvalidStateTransitionException of the control plane. */
const invalidTransition = (message: string): AwsError =>
  new AwsError('InvalidStateTransitionException', 409, message);

/** The jobs of the account, as the control plane changes them. */
export class Jobs {
  readonly #state: JobsState;
  readonly #executions: Executions;
  readonly #targets: JobTargets;

  constructor(state: JobsState, executions: Executions, targets: JobTargets) {
    this.#state = state;
    this.#executions = executions;
    this.#targets = targets;
  }

  /** CreateJob, for the things that the targets stand for now (a snapshot job). */
  create({ jobId, targets, document, description, inProgressTimeoutMinutes }: JobRequest): StoredJob {
    const jobArn = this.#state.arn('job', jobId);
    if (this.#state.jobs.has(jobId)) throw alreadyExists(`Job ${jobId} already exists`, jobId, jobArn);
    checkDocument(document);
    if (targets.length > mostTargets) throw limitExceeded(`A job has at most ${mostTargets} targets`);
    const thingNames = [...new Set(targets.flatMap((target) => this.#thingsOf(target)))];
    const now = this.#state.now();
    const job: StoredJob = {
      jobId,
      jobArn,
      targets,
      document,
      ...(description === undefined ? {} : { description }),
      ...(inProgressTimeoutMinutes === undefined ? {} : { inProgressTimeoutMinutes }),
      status: thingNames.length === 0 ? 'COMPLETED' : 'IN_PROGRESS',
      createdAt: now,
      lastUpdatedAt: now,
      forceCanceled: false,
    };
    this.#state.jobs.put(jobId, job);
    this.#executions.queue(jobId, thingNames);
    return job;
  }

  get(jobId: string): StoredJob {
    this.#executions.expire();
    const job = this.#state.jobs.get(jobId);
    if (job === undefined) throw notFound(`Job ${jobId} was not found`);
    return job;
  }

  list(status: string | undefined): StoredJob[] {
    this.#executions.expire();
    return [...this.#state.jobs.values()].filter((job) => status === undefined || job.status === status);
  }

  /** CancelJob: what is queued ends; what is in progress too, with `force`. */
  cancel(
    jobId: string,
    { force = false, reasonCode, comment }: { force?: boolean; reasonCode?: string; comment?: string },
  ): StoredJob {
    const job = this.get(jobId);
    if (job.status === 'COMPLETED') throw invalidRequest(`Job ${jobId} is COMPLETED already`);
    const now = this.#state.now();
    const canceled: StoredJob = {
      ...job,
      status: 'CANCELED',
      forceCanceled: force,
      lastUpdatedAt: now,
      completedAt: now,
      ...(reasonCode === undefined ? {} : { reasonCode }),
      ...(comment === undefined ? {} : { comment }),
    };
    this.#state.jobs.put(jobId, canceled);
    for (const execution of this.#state.ofJob(jobId))
      if (execution.status === 'QUEUED' || (force && execution.status === 'IN_PROGRESS'))
        this.#executions.end(execution, 'CANCELED', { force });
    return canceled;
  }

  /** DeleteJob; AWS takes a while, this is done when it answers. */
  delete(jobId: string, force: boolean): void {
    const { status } = this.get(jobId);
    if (status === 'IN_PROGRESS' && !force)
      throw invalidTransition(`Job ${jobId} is IN_PROGRESS; cancel it first or delete it with force`);
    this.#executions.removeOfJob(jobId);
    this.#state.jobs.delete(jobId);
  }

  execution(thingName: string, jobId: string, executionNumber?: number): StoredExecution {
    this.#executions.expire();
    const execution = this.#state.find(thingName, jobId);
    if (execution === undefined || !(executionNumber === undefined || executionNumber === 1))
      throw notFound(`Thing ${thingName} has no execution of job ${jobId}`);
    return execution;
  }

  cancelExecution(
    thingName: string,
    jobId: string,
    change: {
      force?: boolean | undefined;
      expectedVersion?: number | undefined;
      statusDetails?: Record<string, string> | undefined;
    },
  ): void {
    const execution = this.execution(thingName, jobId);
    const { force = false, expectedVersion, statusDetails } = change;
    if (expectedVersion !== undefined && expectedVersion !== execution.versionNumber)
      throw versionConflict(`The version is ${execution.versionNumber}, not the expected ${expectedVersion}`);
    if (!isPending(execution)) throw invalidTransition(`The job execution is ${execution.status}`);
    if (execution.status === 'IN_PROGRESS' && !force)
      throw invalidTransition('A job execution that is IN_PROGRESS is cancelled with force only');
    this.#executions.end(execution, 'CANCELED', { statusDetails, force });
  }

  executionsOfJob(jobId: string, status: ExecutionStatus | undefined): StoredExecution[] {
    this.get(jobId);
    return this.#state
      .ofJob(jobId)
      .filter((execution) => status === undefined || execution.status === status);
  }

  executionsOfThing(thingName: string, status: ExecutionStatus | undefined): StoredExecution[] {
    this.#executions.expire();
    if (!this.#targets.thingExists(thingName)) throw notFound(`Thing ${thingName} was not found.`);
    return this.#state
      .ofThing(thingName)
      .filter((execution) => status === undefined || execution.status === status);
  }

  #thingsOf(target: string): string[] {
    const nameIn = (kind: 'thing' | 'thinggroup'): string | undefined => {
      const prefix = this.#state.arn(kind, '');
      return target.startsWith(prefix) ? target.slice(prefix.length) : undefined;
    };
    const [thing, group] = [nameIn('thing'), nameIn('thinggroup')];
    if (thing !== undefined && this.#targets.thingExists(thing)) return [thing];
    const things = group === undefined ? undefined : this.#targets.thingsOfGroup(group);
    if (things !== undefined) return things;
    if (thing === undefined && group === undefined)
      throw invalidRequest(
        `Target ${target} is neither a thing nor a thing group of this account and region`,
      );
    throw notFound(`Target ${target} was not found`);
  }
}

function checkDocument(document: string): void {
  if (Buffer.byteLength(document) > documentBytes)
    throw invalidRequest(`The job document is larger than ${documentBytes} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(document);
  } catch {
    throw invalidRequest('The job document is not valid JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalidRequest('The job document is not a JSON object');
}

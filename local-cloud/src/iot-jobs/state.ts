import type { Environment } from '../kernel/service.ts';
import type { Table } from '../kernel/store.ts';

export type JobStatus = 'IN_PROGRESS' | 'CANCELED' | 'COMPLETED';
export const executionStatuses = [
  'QUEUED',
  'IN_PROGRESS',
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'REJECTED',
  'REMOVED',
  'CANCELED',
] as const;
export type ExecutionStatus = (typeof executionStatuses)[number];

/** Times in milliseconds since the epoch; the wire turns them into seconds. */
export interface StoredJob {
  jobId: string;
  jobArn: string;
  targets: string[];
  /** JSON, as it was given. */
  document: string;
  description?: string;
  status: JobStatus;
  inProgressTimeoutMinutes?: number;
  createdAt: number;
  lastUpdatedAt: number;
  completedAt?: number;
  reasonCode?: string;
  comment?: string;
  forceCanceled: boolean;
}

export interface StoredExecution {
  jobId: string;
  thingName: string;
  /** The order in which executions were queued, over all jobs. */
  sequence: number;
  status: ExecutionStatus;
  statusDetails: Record<string, string>;
  queuedAt: number;
  startedAt?: number;
  lastUpdatedAt: number;
  executionNumber: number;
  versionNumber: number;
  forceCanceled: boolean;
  /** When the job's own time is over, and when the step's is. */
  timeoutAt?: number;
  stepTimeoutAt?: number;
}

export interface ExecutionState {
  status: ExecutionStatus;
  statusDetails: Record<string, string>;
  versionNumber: number;
}

const pendingStatuses: ReadonlySet<ExecutionStatus> = new Set(['QUEUED', 'IN_PROGRESS']);

export function isPending({ status }: Pick<StoredExecution, 'status'>): boolean {
  return pendingStatuses.has(status);
}

export function executionStateOf(execution: StoredExecution): ExecutionState {
  const { status, statusDetails, versionNumber } = execution;
  return { status, statusDetails, versionNumber };
}

export type JobsEnvironment = Pick<Environment, 'store' | 'clock' | 'region' | 'accountId'>;

/** Jobs and their executions, kept in the store. */
export class JobsState {
  readonly environment: JobsEnvironment;
  readonly jobs: Table<StoredJob>;
  readonly #executions: Table<StoredExecution>;
  readonly #counters: Table<number>;

  constructor(environment: JobsEnvironment) {
    this.environment = environment;
    this.jobs = environment.store.table('iot-jobs.jobs');
    this.#executions = environment.store.table('iot-jobs.executions');
    this.#counters = environment.store.table('iot-jobs.counters');
  }

  now(): number {
    return this.environment.clock.now();
  }

  arn(kind: 'job' | 'thing' | 'thinggroup', name: string): string {
    const { region, accountId } = this.environment;
    return `arn:aws:iot:${region}:${accountId}:${kind}/${name}`;
  }

  find(thingName: string, jobId: string): StoredExecution | undefined {
    return this.#executions.get(keyOf(thingName, jobId));
  }

  put(execution: StoredExecution): void {
    this.#executions.put(keyOf(execution.thingName, execution.jobId), execution);
  }

  remove({ thingName, jobId }: StoredExecution): void {
    this.#executions.delete(keyOf(thingName, jobId));
  }

  all(): StoredExecution[] {
    return [...this.#executions.values()];
  }

  ofJob(jobId: string): StoredExecution[] {
    return this.all().filter((execution) => execution.jobId === jobId);
  }

  ofThing(thingName: string): StoredExecution[] {
    return this.all().filter((execution) => execution.thingName === thingName);
  }

  /** What a thing has still to do: what is in progress first, then oldest first. */
  pendingOf(thingName: string): StoredExecution[] {
    const rank = ({ status }: StoredExecution): number => (status === 'IN_PROGRESS' ? 0 : 1);
    return this.ofThing(thingName)
      .filter(isPending)
      .sort((a, b) => rank(a) - rank(b) || a.sequence - b.sequence);
  }

  nextSequence(): number {
    const next = (this.#counters.get('executions') ?? 0) + 1;
    this.#counters.put('executions', next);
    return next;
  }
}

/** Neither thing names nor job ids contain a slash. */
function keyOf(thingName: string, jobId: string): string {
  return `${thingName}/${jobId}`;
}

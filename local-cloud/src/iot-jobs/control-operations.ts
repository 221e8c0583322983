import { z } from 'zod';
import { invalidRequest } from '../iot-core/errors.ts';
import { arn, flag, operation, seconds, thingName } from '../iot-core/wire/operation.ts';
import { chronological, page, tokenInput } from '../iot-core/wire/paging.ts';
import type { AwsOperation } from '../kernel/aws-server.ts';
import type { Jobs } from './jobs.ts';
import { executionStatuses, type JobsState, type StoredExecution, type StoredJob } from './state.ts';

const jobId = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+');
const minutes = z.int().min(1).max(10_080);
const executionStatus = z.enum(executionStatuses).optional();
const wholeNumber = z.coerce.number().int().optional();

/** Members of CreateJob that would change what happens and are not there yet. */
const absent = [
  'documentSource',
  'presignedUrlConfig',
  'jobExecutionsRolloutConfig',
  'abortConfig',
  'namespaceId',
  'jobTemplateArn',
  'jobExecutionsRetryConfig',
  'documentParameters',
  'schedulingConfig',
  'destinationPackageVersions',
] as const;

/** Jobs in the control plane's API (AWS IoT API reference). */
export function jobOperations(state: JobsState, jobs: Jobs): AwsOperation[] {
  return [
    operation(
      'CreateJob',
      'PUT',
      '/jobs/{jobId}',
      z.looseObject({
        jobId,
        targets: z.array(arn).min(1),
        document: z.string({ error: 'Member must not be null' }),
        description: z.string().max(2028).optional(),
        targetSelection: z.enum(['SNAPSHOT', 'CONTINUOUS']).default('SNAPSHOT'),
        timeoutConfig: z.object({ inProgressTimeoutInMinutes: minutes.optional() }).optional(),
      }),
      (input) => {
        const unknown = absent.find((member) => input[member] !== undefined);
        if (unknown !== undefined || input.targetSelection === 'CONTINUOUS')
          throw invalidRequest(`This stand-in has no ${unknown ?? 'continuous jobs'}; leave it out`);
        const job = jobs.create({
          ...input,
          inProgressTimeoutMinutes: input.timeoutConfig?.inProgressTimeoutInMinutes,
        });
        return { jobId: job.jobId, jobArn: job.jobArn, description: job.description };
      },
    ),
    operation('DescribeJob', 'GET', '/jobs/{jobId}', z.object({ jobId }), (input) => {
      const job = jobs.get(input.jobId);
      return { job: describedJob(state, job) };
    }),
    operation('GetJobDocument', 'GET', '/jobs/{jobId}/job-document', z.object({ jobId }), (input) => ({
      document: jobs.get(input.jobId).document,
    })),
    operation(
      'ListJobs',
      'GET',
      '/jobs',
      z.object({ status: z.string().optional(), ...tokenInput }),
      ({ status, nextToken, maxResults }) => {
        const { items, next } = page(jobs.list(status), (job) => chronological(job.createdAt, job.jobId), {
          token: nextToken,
          size: maxResults,
        });
        return { jobs: items.map(jobSummary), nextToken: next };
      },
    ),
    operation(
      'CancelJob',
      'PUT',
      '/jobs/{jobId}/cancel',
      z.object({
        jobId,
        force: flag.default(false),
        reasonCode: z.string().max(128).optional(),
        comment: z.string().max(2028).optional(),
      }),
      ({ jobId: id, ...change }) => {
        const job = jobs.cancel(id, withoutUndefined(change));
        return { jobId: job.jobId, jobArn: job.jobArn, description: job.description };
      },
    ),
    operation(
      'DeleteJob',
      'DELETE',
      '/jobs/{jobId}',
      z.object({ jobId, force: flag.default(false) }),
      (input) => jobs.delete(input.jobId, input.force),
    ),
    ...executionOperations(state, jobs),
  ];
}

function executionOperations(state: JobsState, jobs: Jobs): AwsOperation[] {
  return [
    operation(
      'DescribeJobExecution',
      'GET',
      '/things/{thingName}/jobs/{jobId}',
      z.object({ thingName, jobId, executionNumber: wholeNumber }),
      (input) => ({
        execution: describedExecution(
          state,
          jobs.execution(input.thingName, input.jobId, input.executionNumber),
        ),
      }),
    ),
    operation(
      'CancelJobExecution',
      'PUT',
      '/things/{thingName}/jobs/{jobId}/cancel',
      z.object({
        thingName,
        jobId,
        force: flag.optional(),
        expectedVersion: wholeNumber,
        statusDetails: z.record(z.string(), z.string()).optional(),
      }),
      ({ thingName: thing, jobId: id, ...change }) => jobs.cancelExecution(thing, id, change),
    ),
    operation(
      'ListJobExecutionsForJob',
      'GET',
      '/jobs/{jobId}/things',
      z.object({ jobId, status: executionStatus, ...tokenInput }),
      ({ jobId: id, status, ...paging }) => {
        const { items, next } = executionPage(jobs.executionsOfJob(id, status), paging);
        return {
          executionSummaries: items.map((execution) => ({
            thingArn: state.arn('thing', execution.thingName),
            jobExecutionSummary: executionSummary(execution),
          })),
          nextToken: next,
        };
      },
    ),
    operation(
      'ListJobExecutionsForThing',
      'GET',
      '/things/{thingName}/jobs',
      z.object({ thingName, status: executionStatus, jobId: jobId.optional(), ...tokenInput }),
      ({ thingName: thing, status, jobId: only, ...paging }) => {
        const found = jobs.executionsOfThing(thing, status);
        const { items, next } = executionPage(
          found.filter((execution) => only === undefined || execution.jobId === only),
          paging,
        );
        return {
          executionSummaries: items.map((execution) => ({
            jobId: execution.jobId,
            jobExecutionSummary: executionSummary(execution),
          })),
          nextToken: next,
        };
      },
    ),
  ];
}

function executionPage(
  executions: readonly StoredExecution[],
  { nextToken, maxResults }: { nextToken?: string | undefined; maxResults?: number | undefined },
) {
  const keyOf = ({ sequence, thingName: thing }: StoredExecution): string => chronological(sequence, thing);
  return page(executions, keyOf, { token: nextToken, size: maxResults });
}

function jobSummary(job: StoredJob) {
  return {
    jobArn: job.jobArn,
    jobId: job.jobId,
    targetSelection: 'SNAPSHOT',
    status: job.status,
    createdAt: seconds(job.createdAt),
    lastUpdatedAt: seconds(job.lastUpdatedAt),
    completedAt: job.completedAt === undefined ? undefined : seconds(job.completedAt),
    isConcurrent: false,
  };
}

function describedJob(state: JobsState, job: StoredJob) {
  const { inProgressTimeoutMinutes } = job;
  const executions = state.ofJob(job.jobId);
  const number = (status: string): number =>
    executions.filter((execution) => execution.status === status).length;
  return {
    ...jobSummary(job),
    targets: job.targets,
    description: job.description,
    forceCanceled: job.forceCanceled,
    reasonCode: job.reasonCode,
    comment: job.comment,
    timeoutConfig:
      inProgressTimeoutMinutes === undefined
        ? undefined
        : { inProgressTimeoutInMinutes: inProgressTimeoutMinutes },
    jobProcessDetails: {
      numberOfQueuedThings: number('QUEUED'),
      numberOfInProgressThings: number('IN_PROGRESS'),
      numberOfSucceededThings: number('SUCCEEDED'),
      numberOfFailedThings: number('FAILED'),
      numberOfRejectedThings: number('REJECTED'),
      numberOfCanceledThings: number('CANCELED'),
      numberOfRemovedThings: number('REMOVED'),
      numberOfTimedOutThings: number('TIMED_OUT'),
    },
  };
}

function executionSummary(execution: StoredExecution) {
  return {
    status: execution.status,
    queuedAt: seconds(execution.queuedAt),
    startedAt: execution.startedAt === undefined ? undefined : seconds(execution.startedAt),
    lastUpdatedAt: seconds(execution.lastUpdatedAt),
    executionNumber: execution.executionNumber,
    retryAttempt: 0,
  };
}

function describedExecution(state: JobsState, execution: StoredExecution) {
  const { retryAttempt: _, ...summary } = executionSummary(execution);
  const { timeoutAt = Infinity, stepTimeoutAt = Infinity } = execution;
  const deadline = Math.min(timeoutAt, stepTimeoutAt);
  return {
    ...summary,
    jobId: execution.jobId,
    thingArn: state.arn('thing', execution.thingName),
    statusDetails: { detailsMap: execution.statusDetails },
    versionNumber: execution.versionNumber,
    forceCanceled: execution.forceCanceled,
    approximateSecondsBeforeTimedOut:
      execution.status === 'IN_PROGRESS' && deadline !== Infinity
        ? Math.max(0, Math.ceil((deadline - state.now()) / 1000))
        : undefined,
  };
}

/** What a caller left out is not set to undefined. */
function withoutUndefined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

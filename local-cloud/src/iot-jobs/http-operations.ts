import { AwsError } from '../kernel/aws-error.ts';
import type { AwsAnswer, AwsOperation, AwsRequest } from '../kernel/aws-server.ts';
import type { JobsDataPlane } from './data-plane.ts';
import { JobError, type JobErrorCode } from './job-error.ts';
import { checked, describeSchema, startNextSchema, updateSchema } from './requests.ts';

/** The data plane's exceptions (AWS IoT Jobs data plane API reference, version 2017-09-29). */
const exceptions: Readonly<Record<JobErrorCode, readonly [name: string, status: number]>> = {
  InvalidJson: ['InvalidRequestException', 400],
  InvalidRequest: ['InvalidRequestException', 400],
  ResourceNotFound: ['ResourceNotFoundException', 404],
  InvalidStateTransition: ['InvalidStateTransitionException', 409],
  VersionMismatch: ['ConflictException', 409],
  TerminalStateReached: ['TerminalStateException', 410],
};

/** An operation with the resource that a role's policy must allow, without the prefix of its ARN. */
export interface JobsDataOperation extends AwsOperation {
  resourceOf: (request: AwsRequest) => string;
}

/** The HTTPS door of the jobs data plane. */
export function jobsDataOperations(plane: JobsDataPlane): JobsDataOperation[] {
  const resourceOf = ({ params }: AwsRequest): string => `thing/${params['thingName'] ?? ''}`;
  const operation = (
    name: string,
    method: AwsOperation['method'],
    path: string,
    handle: (thingName: string, jobId: string, request: AwsRequest) => object,
  ): JobsDataOperation => ({
    name,
    method,
    path: `/things/{thingName}/jobs${path}`,
    resourceOf,
    handle: (request) =>
      answered(() => handle(request.params['thingName'] ?? '', request.params['jobId'] ?? '', request)),
  });
  return [
    operation('GetPendingJobExecutions', 'GET', '', (thingName) => plane.pending(thingName)),
    operation('StartNextPendingJobExecution', 'PUT', '/$next', (thingName, _, { json }) =>
      plane.startNext(thingName, checked(startNextSchema, json()), 'text'),
    ),
    operation('DescribeJobExecution', 'GET', '/{jobId}', (thingName, jobId, { query }) => {
      const number = query.get('executionNumber');
      const request = {
        includeJobDocument: query.get('includeJobDocument') !== 'false',
        ...(number === null ? {} : { executionNumber: Number(number) }),
      };
      return plane.describe(thingName, jobId, checked(describeSchema, request), 'text');
    }),
    operation('UpdateJobExecution', 'POST', '/{jobId}', (thingName, jobId, { json }) =>
      plane.update(thingName, jobId, checked(updateSchema, json()), 'text'),
    ),
  ];
}

function answered(run: () => object): AwsAnswer {
  try {
    return { json: run() };
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    const [name, status] = exceptions[error.code];
    const { executionState } = error;
    throw new AwsError(name, status, error.message, executionState === undefined ? {} : { executionState });
  }
}

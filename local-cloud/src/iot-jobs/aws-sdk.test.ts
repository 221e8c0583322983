import {
  AddThingToThingGroupCommand,
  CancelJobCommand,
  CancelJobExecutionCommand,
  CreateJobCommand,
  CreateThingGroupCommand,
  DeleteJobCommand,
  DescribeJobCommand,
  DescribeJobExecutionCommand,
  GetJobDocumentCommand,
  ListJobExecutionsForJobCommand,
  ListJobExecutionsForThingCommand,
  ListJobsCommand,
} from '@aws-sdk/client-iot';
import {
  DescribeJobExecutionCommand as DescribeOwnExecutionCommand,
  GetPendingJobExecutionsCommand,
  StartNextPendingJobExecutionCommand,
  UpdateJobExecutionCommand,
} from '@aws-sdk/client-iot-jobs-data-plane';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestJobs } from './testing/test-jobs.ts';

const thingName = 'board-1';
const minuteMs = 60_000;
let jobs: TestJobs;
beforeEach(async () => {
  jobs = await TestJobs.start();
  await jobs.board(thingName);
});
afterEach(async () => jobs.stop());

const startNext = async () => jobs.data.send(new StartNextPendingJobExecutionCommand({ thingName }));
const executionOf = async (jobId: string) =>
  (await jobs.control.send(new DescribeJobExecutionCommand({ jobId, thingName }))).execution;
const jobOf = async (jobId: string) => (await jobs.control.send(new DescribeJobCommand({ jobId }))).job;

describe('AWS’s own clients', () => {
  it('make a job for a group, follow it and see it complete', async () => {
    await jobs.control.send(new CreateThingGroupCommand({ thingGroupName: 'all' }));
    await jobs.control.send(new AddThingToThingGroupCommand({ thingGroupName: 'all', thingName }));
    const document = JSON.stringify({ operation: 'reboot' });
    const created = await jobs.control.send(
      new CreateJobCommand({
        jobId: 'j',
        targets: [jobs.arn('thinggroup', 'all')],
        document,
        description: 'd',
      }),
    );
    expect(created).toMatchObject({
      jobId: 'j',
      description: 'd',
      jobArn: expect.stringMatching(/:job\/j$/),
    });
    expect((await jobs.control.send(new GetJobDocumentCommand({ jobId: 'j' }))).document).toBe(document);
    expect(
      (await jobs.data.send(new GetPendingJobExecutionsCommand({ thingName }))).queuedJobs,
    ).toMatchObject([{ jobId: 'j', versionNumber: 1 }]);

    expect((await startNext()).execution).toMatchObject({ jobId: 'j', jobDocument: document });
    expect(await executionOf('j')).toMatchObject({ status: 'IN_PROGRESS', startedAt: expect.any(Date) });
    const { executionState } = await jobs.data.send(
      new UpdateJobExecutionCommand({
        thingName,
        jobId: 'j',
        status: 'SUCCEEDED',
        statusDetails: { boot: '2' },
        expectedVersion: 2,
        includeJobExecutionState: true,
      }),
    );
    expect(executionState).toMatchObject({ status: 'SUCCEEDED', versionNumber: 3 });
    expect(await executionOf('j')).toMatchObject({ statusDetails: { detailsMap: { boot: '2' } } });
    expect(await jobOf('j')).toMatchObject({
      status: 'COMPLETED',
      completedAt: expect.any(Date),
      jobProcessDetails: { numberOfSucceededThings: 1, numberOfQueuedThings: 0 },
    });
    expect((await startNext()).execution).toBeUndefined();
  });

  it('list jobs and executions', async () => {
    for (const jobId of ['a', 'b', 'c']) await jobs.createJob(jobId, thingName);
    await startNext();
    expect((await jobs.control.send(new ListJobsCommand({ status: 'IN_PROGRESS' }))).jobs).toHaveLength(3);
    const ofJob = await jobs.control.send(new ListJobExecutionsForJobCommand({ jobId: 'a' }));
    expect(ofJob.executionSummaries).toMatchObject([
      { thingArn: jobs.arn('thing', thingName), jobExecutionSummary: { status: 'IN_PROGRESS' } },
    ]);
    const list = async (nextToken?: string) =>
      jobs.control.send(
        new ListJobExecutionsForThingCommand({ thingName, status: 'QUEUED', maxResults: 1, nextToken }),
      );
    const first = await list();
    const second = await list(first.nextToken);
    const ids = [first, second].flatMap(({ executionSummaries = [] }) =>
      executionSummaries.map(({ jobId }) => jobId),
    );
    expect(new Set(ids)).toEqual(new Set(['b', 'c']));
    expect(second.nextToken).toBeUndefined();
  });

  it('cancel what is queued, and what is under way only by force', async () => {
    await jobs.createJob('under-way', thingName);
    await startNext();
    await jobs.createJob('queued', thingName);
    const cancel = async (jobId: string, force?: boolean) =>
      jobs.control.send(new CancelJobExecutionCommand({ jobId, thingName, force }));
    await expect(cancel('under-way')).rejects.toMatchObject({ name: 'InvalidStateTransitionException' });
    await jobs.control.send(new CancelJobCommand({ jobId: 'queued', reasonCode: 'mistake' }));
    await cancel('under-way', true);
    expect(await executionOf('under-way')).toMatchObject({ status: 'CANCELED', forceCanceled: true });
    expect(await jobOf('queued')).toMatchObject({ status: 'CANCELED', reasonCode: 'mistake' });
    await jobs.control.send(new DeleteJobCommand({ jobId: 'queued' }));
    await expect(jobOf('queued')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('see a job time out, by its own time and by its step’s', async () => {
    await jobs.createJob('slow', thingName, { timeoutConfig: { inProgressTimeoutInMinutes: 5 } });
    await startNext();
    expect(await executionOf('slow')).toMatchObject({
      approximateSecondsBeforeTimedOut: expect.any(Number),
    });
    jobs.cloud.environment.clock.shift(5 * minuteMs);
    expect(await executionOf('slow')).toMatchObject({ status: 'TIMED_OUT', versionNumber: 3 });

    await jobs.createJob('stuck', thingName);
    await jobs.data.send(new StartNextPendingJobExecutionCommand({ thingName, stepTimeoutInMinutes: 1 }));
    jobs.cloud.environment.clock.shift(7 * minuteMs);
    expect(await executionOf('stuck')).toMatchObject({ status: 'TIMED_OUT' });
    await expect(
      jobs.data.send(new UpdateJobExecutionCommand({ thingName, jobId: 'stuck', status: 'SUCCEEDED' })),
    ).rejects.toMatchObject({ name: 'InvalidStateTransitionException' });
  });

  it.each([
    ['an unknown thing', { targets: ['thing/nobody'] }, 'ResourceNotFoundException'],
    ['a document that is no JSON', { document: 'reboot' }, 'InvalidRequestException'],
    [
      'a document above 32 KB',
      { document: JSON.stringify({ a: 'x'.repeat(33_000) }) },
      'InvalidRequestException',
    ],
    ['a job id that exists', { jobId: 'taken' }, 'ResourceAlreadyExistsException'],
    ['a continuous job', { targetSelection: 'CONTINUOUS' as const }, 'InvalidRequestException'],
  ])('are refused %s', async (_, change, name) => {
    await jobs.createJob('taken', thingName);
    const { targets = [`thing/${thingName}`], ...rest } = change as { targets?: string[] };
    const arns = targets.map((target) => jobs.arn('thing', target.slice('thing/'.length)));
    await expect(
      jobs.control.send(new CreateJobCommand({ jobId: 'new', document: '{}', targets: arns, ...rest })),
    ).rejects.toMatchObject({ name });
  });

  it.each([
    ['unknown', undefined, 'ResourceNotFoundException', 404],
    ['known', { status: 'SUCCEEDED' as const }, 'InvalidStateTransitionException', 409],
    ['known', { status: 'IN_PROGRESS' as const, expectedVersion: 9 }, 'ConflictException', 409],
  ])('are refused on the data plane: job %s, update %j', async (jobId, update, name, status) => {
    await jobs.createJob('known', thingName);
    const asked =
      update === undefined
        ? jobs.data.send(new DescribeOwnExecutionCommand({ thingName, jobId }))
        : jobs.data.send(new UpdateJobExecutionCommand({ thingName, jobId, ...update }));
    await expect(asked).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
  });
});

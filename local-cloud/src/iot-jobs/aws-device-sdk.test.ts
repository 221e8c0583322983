import { CancelJobCommand } from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DeviceSdkClient, type JobUpdate } from '../iot-data/testing/device-sdk-client.ts';
import { TestJobs } from './testing/test-jobs.ts';

const thingName = 'board-1';
let jobs: TestJobs;
let board: DeviceSdkClient;
beforeEach(async () => {
  jobs = await TestJobs.start();
  const { environment, broker } = jobs.cloud;
  board = new DeviceSdkClient();
  const identity = await jobs.board(thingName);
  await board.perform({
    do: 'connect',
    ...identity,
    rootCaPem: environment.pki.rootCaPem,
    port: broker.port,
  });
});
afterEach(async () => {
  await board.stop();
  await jobs.stop();
});

const startNext = async (): Promise<unknown> =>
  board.perform({ do: 'startNextJob', request: { thingName, statusDetails: { step: 'begun' } } });

describe('the jobs client of AWS’s own device SDK', () => {
  it('is told of a job, begins it, reads it and ends it', async () => {
    await board.perform({ do: 'streamJobs', kind: 'next', request: { thingName } });
    await board.perform({ do: 'streamJobs', kind: 'pending', request: { thingName } });
    expect(await startNext()).not.toHaveProperty('execution');
    const [next, pending] = [board.next('next'), board.next('pending')];
    await jobs.createJob('first', thingName, { document: { operation: 'reboot' } });
    expect(await next).toMatchObject({
      execution: { jobId: 'first', status: 'QUEUED', versionNumber: 1, jobDocument: { operation: 'reboot' } },
    });
    expect(await pending).toMatchObject({ jobs: { QUEUED: [{ jobId: 'first', executionNumber: 1 }] } });
    await jobs.createJob('second', thingName);

    expect(await startNext()).toMatchObject({
      execution: {
        jobId: 'first',
        thingName,
        status: 'IN_PROGRESS',
        statusDetails: { step: 'begun' },
        versionNumber: 2,
        executionNumber: 1,
      },
    });
    expect(await board.perform({ do: 'pendingJobs', request: { thingName } })).toMatchObject({
      inProgressJobs: [{ jobId: 'first' }],
      queuedJobs: [{ jobId: 'second' }],
    });
    const updated = await board.perform({
      do: 'updateJob',
      request: {
        thingName,
        jobId: 'first',
        status: 'IN_PROGRESS',
        statusDetails: { step: 'on the way' },
        expectedVersion: 2,
        includeJobExecutionState: true,
        includeJobDocument: true,
      },
    });
    expect(updated).toMatchObject({
      executionState: { status: 'IN_PROGRESS', statusDetails: { step: 'on the way' }, versionNumber: 3 },
      jobDocument: { operation: 'reboot' },
    });

    const after = board.next('next');
    await board.perform({ do: 'updateJob', request: { thingName, jobId: 'first', status: 'SUCCEEDED' } });
    expect(await after).toMatchObject({ execution: { jobId: 'second' } });
    expect(await board.perform({ do: 'describeJob', request: { thingName, jobId: '$next' } })).toMatchObject({
      execution: { jobId: 'second', status: 'QUEUED' },
    });
  });

  it('is refused with the codes of the service', async () => {
    await jobs.createJob('only', thingName);
    const update = async (request: Partial<JobUpdate>): Promise<unknown> =>
      board.perform({
        do: 'updateJob',
        request: { thingName, jobId: 'only', status: 'SUCCEEDED', ...request },
      });
    await expect(update({ jobId: 'unknown' })).rejects.toMatchObject({
      modeledError: { code: 'ResourceNotFound' },
    });
    await expect(update({})).rejects.toMatchObject({
      modeledError: { code: 'InvalidStateTransition', executionState: { status: 'QUEUED' } },
    });
    await expect(update({ status: 'IN_PROGRESS', expectedVersion: 7 })).rejects.toMatchObject({
      modeledError: { code: 'VersionMismatch', executionState: { versionNumber: 1 } },
    });
    const details = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`key${index}`, 'x']));
    await expect(update({ status: 'IN_PROGRESS', statusDetails: details })).rejects.toMatchObject({
      modeledError: { code: 'InvalidRequest' },
    });
    await update({ status: 'IN_PROGRESS' });
    await update({});
    await expect(
      board.perform({ do: 'describeJob', request: { thingName, jobId: 'only' } }),
    ).rejects.toMatchObject({ modeledError: { code: 'TerminalStateReached' } });
  });

  it('is told when there is nothing left to do', async () => {
    await jobs.createJob('only', thingName);
    await board.perform({ do: 'streamJobs', kind: 'next', request: { thingName } });
    const next = board.next('next');
    await jobs.control.send(new CancelJobCommand({ jobId: 'only' }));
    expect(await next).not.toHaveProperty('execution');
  });
});

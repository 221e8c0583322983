import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { settle } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { type JobContext, JobEnded, type JobOutcome, jobHandler, succeeded } from './job-handler.ts';
import { JobStand } from './testing/job-stand.ts';

const document = { operation: 'reboot' };
const handlerOf = (run: (context: JobContext) => Promise<JobOutcome>, further = {}) => ({
  reboot: jobHandler('reboot', (_, context) => run(context), further),
});

describe('jobs', () => {
  it('are carried out one after the other, oldest first, also those that come later', async () => {
    const order: string[] = [];
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async ({ jobId, progress }) => {
        order.push(`begin ${jobId}`);
        await progress({ step: 'half' });
        order.push(`end ${jobId}`);
        return succeeded({ done: jobId });
      }),
    );
    for (const jobId of ['a', 'b']) stand.service.add(jobId, document);
    await stand.start();
    await stand.untilStatus('b', 'SUCCEEDED');
    stand.service.add('c', document);
    expect(await stand.untilStatus('c', 'SUCCEEDED')).toMatchObject({ statusDetails: { done: 'c' } });
    expect(order).toEqual(['a', 'b', 'c'].flatMap((jobId) => [`begin ${jobId}`, `end ${jobId}`]));
    await stand.stop();
  });

  it.each([
    [{ operation: 'dance' }, 'unknown_operation'],
    [{ operation: 'toString' }, 'unknown_operation'],
    [{}, 'unknown_operation'],
    [{ operation: 'upload-logs', url: 'https://x/' }, 'unsupported'],
    [{ operation: 'reboot', now: true }, 'invalid_document'],
  ])('with the document %j are rejected', async (refused, code) => {
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async () => succeeded()),
    );
    stand.service.add('job', refused);
    await stand.start();
    expect(await stand.untilStatus('job', 'REJECTED')).toMatchObject({ statusDetails: { code } });
    await stand.stop();
  });

  it('that a board is not set up for name the setting', async () => {
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async () => succeeded()),
    );
    stand.service.add('job', { operation: 'upload-logs', url: 'https://x/' });
    await stand.start();
    expect(await stand.untilStatus('job', 'REJECTED')).toMatchObject({
      statusDetails: {
        message:
          'This board is not set up for upload-logs: set AOVIS_AGENT_LOGS_COMMAND in /etc/aovis-agent/agent.env, and restart the agent.',
      },
    });
    await stand.stop();
  });

  it('with any document at all come to an end', async () => {
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async () => succeeded()),
    );
    await stand.start();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.jsonValue(), fc.record({ operation: fc.jsonValue() }), fc.object()),
        async (any) => {
          const jobId = `job-${count++}`;
          stand.service.add(jobId, any);
          await stand.untilStatus(jobId, 'REJECTED', 'SUCCEEDED');
        },
      ),
      { numRuns: 60 },
    );
    await stand.stop();
  });

  it('fail by a defect of their handler, and the next one is carried out', async () => {
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async ({ jobId }) => {
        if (jobId === 'bad') throw new TypeError('defect');
        return succeeded();
      }),
    );
    for (const jobId of ['bad', 'good']) stand.service.add(jobId, document);
    await stand.start();
    await stand.untilStatus('good', 'SUCCEEDED');
    expect(stand.service.find('bad')).toMatchObject({ status: 'FAILED', statusDetails: { code: 'defect' } });
    await stand.stop();
  });

  it('send nothing that the service would not take', async () => {
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async () => succeeded({ a: 'x'.repeat(2_000), b: 'line\u0000\nline', c: '' })),
    );
    stand.service.add('job', document);
    await stand.start();
    const { statusDetails } = await stand.untilStatus('job', 'SUCCEEDED');
    expect(statusDetails).toEqual({ a: 'x'.repeat(1_024), b: 'line line' });
    await stand.stop();
  });
});

describe('the end of a job', () => {
  it('is told when the connection is back, and not carried out again for that', async () => {
    let runs = 0;
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async () => {
        runs += 1;
        stand.connection.disconnect();
        return succeeded();
      }),
    );
    stand.service.add('job', document);
    await stand.start();
    await until(() => runs === 1 && stand.detail === 'nothing to do');
    expect(stand.service.find('job').status).toBe('IN_PROGRESS');
    stand.connection.connect();
    await stand.untilStatus('job', 'SUCCEEDED');
    await stand.stop();
    expect(runs).toBe(1);
  });

  it('is told after a restart, and the handler hears what came of it', async () => {
    const directory = await temporaryDirectory();
    const settled: unknown[] = [];
    const handlers = handlerOf(
      async () => {
        first.connection.disconnect();
        return succeeded();
      },
      { settled: async (jobId: string, status?: string) => void settled.push([jobId, status]) },
    );
    const first = new JobStand(directory, handlers);
    first.service.add('job', document);
    await first.start();
    await until(() => first.connection.state !== 'connected' && first.detail === 'nothing to do');
    await first.stop();
    expect(settled).toEqual([]);

    const unused = handlerOf(() => Promise.reject(new Error('begun again')), {
      settled: async (jobId: string, status?: string) => void settled.push([jobId, status]),
    });
    const second = await new JobStand(directory, unused, { service: first.service }).start();
    await second.untilStatus('job', 'SUCCEEDED');
    await until(() => settled.length > 0);
    await second.stop();
    expect(settled).toEqual([['job', 'SUCCEEDED']]);
  });

  it('is asked for again when the service is silent', async () => {
    const stand = new JobStand(
      await temporaryDirectory(),
      handlerOf(async () => succeeded()),
    );
    const answer = stand.connection.onPublish;
    stand.connection.onPublish = () => {};
    stand.service.add('job', document);
    await stand.start();
    await stand.clock.untilPending();
    stand.connection.onPublish = answer;
    await stand.clock.advance(20_000);
    await stand.clock.advance(300_000);
    await stand.untilStatus('job', 'SUCCEEDED');
    await stand.stop();
  });

  it('that somebody else has set is no matter of the board any more', async () => {
    const directory = await temporaryDirectory();
    const settled: unknown[] = [];
    const stand = new JobStand(
      directory,
      handlerOf(
        async ({ progress }) => {
          stand.service.set('job', { status: 'CANCELED' });
          await progress({ step: 'further' });
          throw new Error('It went on');
        },
        { settled: async (jobId: string, status?: string) => void settled.push([jobId, status]) },
      ),
    );
    stand.service.add('job', document);
    await stand.start();
    await until(() => settled.length > 0);
    stand.service.add('next', { operation: 'dance' });
    await stand.untilStatus('next', 'REJECTED');
    expect(settled).toEqual([['job', 'CANCELED']]);
    await stand.stop();
  });
});

it('leaves a job when the agent stops, and takes it up again', async () => {
  const directory = await temporaryDirectory();
  let left = 0;
  const waiting = handlerOf(async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    left += 1;
    throw new JobEnded(undefined);
  });
  const first = new JobStand(directory, waiting);
  first.service.add('job', document);
  await first.start();
  await first.untilStatus('job', 'IN_PROGRESS');
  await until(() => first.detail.includes('job'));
  await settle();
  await first.stop();
  expect([left, first.service.find('job').status]).toEqual([1, 'IN_PROGRESS']);

  const second = new JobStand(
    directory,
    handlerOf(async () => succeeded()),
    { service: first.service },
  );
  await second.start();
  await second.untilStatus('job', 'SUCCEEDED');
  await second.stop();
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { MqttClient } from 'mqtt';
import { TestJobs } from './testing/test-jobs.ts';

const thingName = 'board-1';
let jobs: TestJobs;
let client: MqttClient;

beforeAll(async () => {
  jobs = await TestJobs.start();
  client = await jobs.cloud.connect(await jobs.board(thingName));
  await jobs.createJob('job', thingName);
});
afterAll(async () => jobs.stop());

const member = fc.constantFrom(
  'status',
  'statusDetails',
  'expectedVersion',
  'executionNumber',
  'includeJobDocument',
  'stepTimeoutInMinutes',
  'clientToken',
  '__proto__',
);
const payload = fc.oneof(
  fc.dictionary(member, fc.jsonValue()).map((body) => JSON.stringify(body)),
  fc.json(),
  fc.string(),
);
const request = fc.constantFrom(
  'get',
  'start-next',
  '$next/get',
  'job/get',
  'job/update',
  'other/update',
  '$next/update',
);

it('answers every request by one reply to who asked, whatever it says', async () => {
  await fc.assert(
    fc.asyncProperty(request, payload, async (operation, text) => {
      const topic = `$aws/things/${thingName}/jobs/${operation}`;
      const reply = new Promise<[string, Buffer]>((resolve) => {
        client.once('message', (from, content) => resolve([from, content]));
      });
      await client.publishAsync(topic, text, { qos: 1 });
      const [from, content] = await reply;
      expect([`${topic}/accepted`, `${topic}/rejected`]).toContain(from);
      const { code, message, timestamp } = JSON.parse(content.toString()) as Record<string, unknown>;
      expect(Number.isInteger(timestamp)).toBe(true);
      if (from.endsWith('rejected')) expect([typeof code, typeof message]).toEqual(['string', 'string']);
    }),
    { numRuns: 150 },
  );
});

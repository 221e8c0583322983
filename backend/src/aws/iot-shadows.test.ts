import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { IotShadows } from './iot-shadows.ts';
import {
  type Answer,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const thing = 'aovis-n4k-000123';
let service: RecordedService;
let shadows: IotShadows;
let answer: Answer;

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService(() => answer);
  shadows = new IotShadows({ region: 'eu-central-1', endpoint: service.url });
});
afterEach(async () => {
  shadows.close();
  await service.stop();
});

it('reads a named shadow with the age of its newest reported leaf', async () => {
  answer = {
    body: {
      state: {
        desired: { log_level: 'info' },
        reported: { log_level: 'warn' },
        delta: { log_level: 'info' },
      },
      metadata: {
        desired: { log_level: { timestamp: 1_772_359_999 } },
        reported: { log_level: { timestamp: 1_772_352_000 }, list: [{ timestamp: 1_772_352_007 }] },
      },
      version: 5,
      timestamp: 1_772_360_000,
    },
  };
  expect(await shadows.find(thing, 'config')).toEqual({
    desired: { log_level: 'info' },
    reported: { log_level: 'warn' },
    delta: { log_level: 'info' },
    version: 5,
    reportedAtMs: 1_772_352_007_000,
  });
  expect(service.requests[0]).toMatchObject({ method: 'GET', path: `/things/${thing}/shadow?name=config` });
  expect(service.requests[0]?.authorization).toContain('/eu-central-1/iotdata/aws4_request');
});

it('finds no shadow where there is none', async () => {
  answer = {
    status: 404,
    error: 'ResourceNotFoundException',
    body: { message: 'No shadow exists with name: x' },
  };
  expect(await shadows.find(thing, undefined)).toBeUndefined();
  expect(service.requests[0]?.path).toBe(`/things/${thing}/shadow`);
});

it.each([
  [5, { state: { desired: { stream: { enabled: false } } }, version: 5 }],
  [0, { state: { desired: { stream: { enabled: false } } } }],
])('sends a change at version %i', async (expectedVersion, body) => {
  answer = {};
  await shadows.mergeDesired(thing, {
    shadowName: 'config',
    desired: { stream: { enabled: false } },
    expectedVersion,
  });
  expect(service.requests[0]).toMatchObject({
    method: 'POST',
    path: `/things/${thing}/shadow?name=config`,
    body,
  });
});

it.each([
  [{ status: 409, error: 'ConflictException' }, 'shadow_version_conflict'],
  [{ status: 429, error: 'ThrottlingException' }, 'service_unavailable'],
  [{ status: 500, error: 'InternalFailureException' }, 'service_unavailable'],
])('translates %j', async (given, code) => {
  answer = given;
  const change = { shadowName: 'config', desired: {}, expectedVersion: 1 };
  await expect(shadows.mergeDesired(thing, change)).rejects.toMatchObject({ code });
});

it('leaves a denial as it is: it is our mistake', async () => {
  answer = { status: 403, error: 'ForbiddenException' };
  await expect(shadows.find(thing, undefined)).rejects.toMatchObject({ name: 'ForbiddenException' });
});

it('deletes a shadow, and is content when there is none', async () => {
  answer = {};
  await shadows.clear(thing, 'config');
  answer = { status: 404, error: 'ResourceNotFoundException' };
  await shadows.clear(thing, undefined);
  expect(service.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `DELETE /things/${thing}/shadow?name=config`,
    `DELETE /things/${thing}/shadow`,
  ]);
});

it('says that the service is away when nobody listens', async () => {
  const away = new IotShadows({ region: 'eu-central-1', endpoint: 'http://127.0.0.1:1' });
  await expect(away.find(thing, undefined)).rejects.toMatchObject({ code: 'service_unavailable' });
  away.close();
});

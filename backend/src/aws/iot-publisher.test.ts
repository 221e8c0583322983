import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { IotPublisher } from './iot-publisher.ts';
import {
  type Answer,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const message = { topic: 'aovis/aovis-n4k-000123/command', payload: { id: '1' } };
const { signal } = new AbortController();
let service: RecordedService;
let publisher: IotPublisher;
let answer: Answer;

beforeEach(async () => {
  useTestCredentials();
  answer = {};
  service = await startRecordedService(() => answer);
  publisher = new IotPublisher({ region: 'eu-central-1', endpoint: service.url });
});
afterEach(async () => {
  publisher.close();
  await service.stop();
});

it('publishes JSON with QoS 1', async () => {
  await publisher.publish(message, signal);
  expect(service.requests).toEqual([
    expect.objectContaining({
      method: 'POST',
      path: '/topics/aovis%2Faovis-n4k-000123%2Fcommand?qos=1',
      body: message.payload,
    }),
  ]);
  expect(service.requests[0]?.authorization).toContain('/eu-central-1/iotdata/aws4_request');
});

it('says that the broker is away, so that it is tried again', async () => {
  answer = { status: 500, error: 'InternalFailureException' };
  await expect(publisher.publish(message, signal)).rejects.toMatchObject({ code: 'service_unavailable' });
});

it('leaves a denial as it is: it is our mistake', async () => {
  answer = { status: 403, error: 'UnauthorizedException' };
  await expect(publisher.publish(message, signal)).rejects.toMatchObject({ name: 'UnauthorizedException' });
});

it('gives up when told to, so that it is tried again', async () => {
  const aborted = publisher.publish(message, AbortSignal.abort());
  await expect(aborted).rejects.toMatchObject({ code: 'service_unavailable' });
  expect(service.requests).toEqual([]);
});

import { ListFragmentsCommand } from '@aws-sdk/client-kinesis-video-archived-media';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ArchivedMedia } from './archived-media.ts';
import {
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

let service: RecordedService;
let media: ArchivedMedia;

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService(({ path }) =>
    path === '/getDataEndpoint' ? { body: { DataEndpoint: service.url } } : { silent: true },
  );
  media = new ArchivedMedia(
    { region: 'eu-central-1', endpoint: service.url },
    { requestTimeoutMs: 20, maxAttempts: 1 },
  );
});
afterEach(async () => {
  media.close();
  await service.stop();
});

it('gives up on a service that does not answer, after asking where else it is', async () => {
  const listed = media.call('LIST_FRAGMENTS', 'stream', (client) =>
    client.send(new ListFragmentsCommand({ StreamName: 'stream' })),
  );
  await expect(listed).rejects.toMatchObject({ code: 'service_unavailable' });
  const again = media.call('LIST_FRAGMENTS', 'stream', (client) =>
    client.send(new ListFragmentsCommand({ StreamName: 'stream' })),
  );
  await expect(again).rejects.toMatchObject({ code: 'service_unavailable' });
  expect(service.requests.map(({ path }) => path)).toEqual([
    '/getDataEndpoint',
    '/listFragments',
    '/listFragments',
    '/getDataEndpoint',
    '/listFragments',
  ]);
});

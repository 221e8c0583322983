import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { DataEndpointClient, kinesisVideoEndpoint } from './data-endpoint-client.ts';
import { ServiceCallError } from './service-call.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    const closed = once(server, 'close');
    server.close();
    await closed;
  }
});

async function setUp(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => answer(request, response, body));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clock = new FakeClock();
  const client = new DataEndpointClient({
    endpoint: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    region: 'eu-central-1',
    streamName: 'aovis-stream-x',
    apiName: 'PUT_MEDIA',
    credentials: {
      forget: () => undefined,
      get: () =>
        Promise.resolve({
          accessKeyId: 'A',
          secretAccessKey: 's',
          sessionToken: 't',
          expiresAt: new Date(0),
        }),
    },
    clock,
    userAgent: 'test',
  });
  return { client, clock, signal: new AbortController().signal };
}

it('asks for the endpoint of PUT_MEDIA and keeps scheme and port of the answer', async () => {
  const asked: unknown[] = [];
  const { client, clock, signal } = await setUp((request, response, body) => {
    asked.push([request.method, request.url, JSON.parse(body), request.headers.authorization?.slice(0, 16)]);
    response.end('{"DataEndpoint":"http://127.0.0.1:4571"}');
  });
  expect((await client.get(signal)).href).toBe('http://127.0.0.1:4571/');
  await client.get(signal);
  expect(asked).toEqual([
    ['POST', '/getDataEndpoint', { StreamName: 'aovis-stream-x', APIName: 'PUT_MEDIA' }, 'AWS4-HMAC-SHA256'],
  ]);
  await clock.advance(41 * 60_000);
  await client.get(signal);
  client.forget();
  await client.get(signal);
  expect(asked).toHaveLength(3);
});

it('explains a refusal', async () => {
  const { client, signal } = await setUp((_request, response) => {
    response.writeHead(404, { 'x-amzn-ErrorType': 'ResourceNotFoundException:http://internal/' });
    response.end('{"Message":"no such stream"}');
  });
  const failure = await client.get(signal).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ServiceCallError);
  expect(failure).toMatchObject({
    message:
      'GetDataEndpoint was refused: ResourceNotFoundException. The stream does not exist yet: the backend makes it once it has the factory’s manifest of this board.',
    decision: { decision: 'rediscover' },
  });
});

it.each(['{"DataEndpoint":"ftp://x"}', '{}', 'not json'])('refuses the answer %s', async (body) => {
  const { client, signal } = await setUp((_request, response) => response.end(body));
  await expect(client.get(signal)).rejects.toThrow('GetDataEndpoint answered without a data endpoint.');
});

it('passes a broken connection on', async () => {
  const { client, signal } = await setUp((request) => request.socket.destroy());
  await expect(client.get(signal)).rejects.toThrow('GetDataEndpoint failed: socket hang up');
});

it('knows the public endpoints', () => {
  expect(kinesisVideoEndpoint('eu-central-1').href).toBe('https://kinesisvideo.eu-central-1.amazonaws.com/');
  expect(kinesisVideoEndpoint('cn-north-1').href).toBe('https://kinesisvideo.cn-north-1.amazonaws.com.cn/');
});

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  DescribeEndpointCommand,
  IoTClient,
  IoTServiceException,
  ListThingsCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AwsServer } from './aws-server.ts';
import type { Environment } from './service.ts';
import { accountKey, createTestEnvironment } from './testing/test-environment.ts';

describe('AwsServer, called by the AWS SDK', () => {
  let environment: Environment & { dispose(): void };
  let server: AwsServer;
  let client: IoTClient;
  let seen: string[];

  beforeEach(async () => {
    environment = await createTestEnvironment();
    seen = [];
    server = new AwsServer({
      ...environment,
      service: 'iot-core',
      signingNames: ['iot'],
      throttles: { DescribeEndpoint: 2 },
      operations: [
        {
          name: 'DescribeEndpoint',
          method: 'GET',
          path: '/endpoint',
          handle: () => {
            seen.push('DescribeEndpoint');
            return { json: { endpointAddress: 'here' } };
          },
        },
        {
          name: 'ListThings',
          method: 'GET',
          path: '/things',
          handle: ({ query }) => {
            seen.push(`${query.get('attributeName')}=${query.get('attributeValue')}`);
            return { json: { things: [] } };
          },
        },
        {
          name: 'Broken',
          method: 'GET',
          path: '/broken',
          unsigned: true,
          handle: () => {
            throw new Error('a secret detail');
          },
        },
        {
          name: 'Upload',
          method: 'POST',
          path: '/upload',
          unsigned: true,
          handle: ({ json }) => ({ json: json() }),
        },
        { name: 'Stream', method: 'POST', path: '/stream', streaming: true, handle: () => ({}) },
        { name: 'Play', method: 'GET', path: '/play', unsigned: true, anyOrigin: true, handle: () => ({}) },
      ],
    });
    const port = await server.listen(0);
    client = new IoTClient({
      region: 'eu-central-1',
      endpoint: `http://localhost:${port}`,
      credentials: accountKey,
      maxAttempts: 1,
    });
  });

  afterEach(async () => {
    client.destroy();
    await server.close();
    environment.dispose();
  });

  const describeEndpoint = () => client.send(new DescribeEndpointCommand({}));
  const failure = async (call: Promise<unknown>): Promise<IoTServiceException> => {
    const error: unknown = await call.then(
      () => new Error('it answered'),
      (reason: unknown) => reason,
    );
    if (!(error instanceof IoTServiceException)) throw error;
    return error;
  };

  it('accepts whatever the SDK signs, in every corner of the query', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' }), async (name, value) => {
        seen = [];
        await client.send(
          new ListThingsCommand({ attributeName: name, attributeValue: value, thingTypeName: name }),
        );
        expect(seen).toEqual([`${name}=${value}`]);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a wrong secret with the error class of the SDK', async () => {
    const stranger = new IoTClient({
      region: 'eu-central-1',
      endpoint: client.config.endpoint === undefined ? '' : await url(),
      credentials: { ...accountKey, secretAccessKey: 'wrong' },
      maxAttempts: 1,
    });
    const error = await failure(stranger.send(new DescribeEndpointCommand({})));
    expect([error.name, error.$metadata.httpStatusCode]).toEqual(['InvalidSignatureException', 403]);
    stranger.destroy();
  });

  async function url(): Promise<string> {
    const { protocol, hostname, port } = (await client.config.endpoint?.()) ?? {};
    return `${protocol}//${hostname}:${port}`;
  }

  it('throttles by operation, with a switch for one server and one for all', async () => {
    await describeEndpoint();
    await describeEndpoint();
    const error = await failure(describeEndpoint());
    expect([error.name, error.$metadata.httpStatusCode, error.message]).toEqual([
      'ThrottlingException',
      400,
      'Rate exceeded',
    ]);
    environment.faults.throttling = false;
    await describeEndpoint();
    environment.faults.throttling = true;
    server.throttling = false;
    await describeEndpoint();
  });

  it('does what a fault says, once or until it is removed', async () => {
    environment.faults.throttling = false;
    environment.faults.add({
      service: 'iot-core',
      operation: 'DescribeEndpoint',
      effect: { kind: 'error', status: 503, code: 'ServiceUnavailableException', message: 'not now' },
      times: 1,
    });
    const error = await failure(describeEndpoint());
    expect([error.name, error.$metadata.httpStatusCode, error.message]).toEqual([
      'ServiceUnavailableException',
      503,
      'not now',
    ]);
    await describeEndpoint();
    seen = [];
    const id = environment.faults.add({ service: 'iot-core', effect: { kind: 'drop' } });
    await expect(describeEndpoint()).rejects.toThrow();
    expect(seen).toEqual([]);
    environment.faults.remove(id);
    environment.faults.add({ service: 'iot-core', effect: { kind: 'lose-answer' }, times: 1 });
    await expect(describeEndpoint()).rejects.toThrow();
    expect(seen).toEqual(['DescribeEndpoint']);
    environment.faults.add({ service: 'iot-core', effect: { kind: 'delay', ms: 50 }, times: 1 });
    const before = performance.now();
    await describeEndpoint();
    expect(performance.now() - before).toBeGreaterThanOrEqual(49);
  });

  it('leaves custom faults to the places they are made for', async () => {
    environment.faults.add({ service: 'iot-core', effect: { kind: 'custom', name: 'own' }, times: 1 });
    await describeEndpoint();
    expect(environment.faults.list()).toHaveLength(1);
    expect(environment.faults.take('iot-core', 'Elsewhere')).toMatchObject({ name: 'own' });
  });

  it('lets pages of any origin read refusals of what is for them', async () => {
    environment.faults.add({
      service: 'iot-core',
      operation: 'Play',
      effect: { kind: 'error', status: 503, code: 'ServiceUnavailableException', message: '' },
    });
    const { status, headers } = await fetch(`${await url()}/play`);
    expect([status, headers.get('access-control-allow-origin')]).toEqual([503, '*']);
  });

  it('refuses a streaming call while its body is still coming, and the client hears of it', async () => {
    const { port } = new URL(await url());
    const call = request({ port, host: '127.0.0.1', method: 'POST', path: '/stream' });
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    const block = Buffer.alloc(64 * 1024);
    let reading = true;
    const write = (): void => {
      if (reading) call.write(block, () => setImmediate(write));
    };
    write();
    const [response] = await answered;
    const body = await text(response);
    reading = false;
    call.destroy();
    expect([response.statusCode, body]).toEqual([403, expect.stringContaining('message')]);
  });

  it('tells nothing of its own failures, and refuses what it cannot read', async () => {
    const broken = await fetch(`${await url()}/broken`);
    expect([broken.status, broken.headers.get('x-amzn-errortype')]).toEqual([
      500,
      'InternalFailureException',
    ]);
    expect(await broken.text()).not.toContain('secret');
    const upload = (body: string) => fetch(`${url0}/upload`, { method: 'POST', body });
    const url0 = await url();
    expect((await upload('[1]')).status).toBe(400);
    expect((await upload('{"a":')).headers.get('x-amzn-errortype')).toBe('SerializationException');
    expect((await upload('x'.repeat(9 * 1024 * 1024))).status).toBe(413);
    expect((await fetch(`${url0}/nowhere`)).headers.get('x-amzn-errortype')).toBe(
      'UnknownOperationException',
    );
  });
});

import { once } from 'node:events';
import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import {
  AccessDeniedException,
  BedrockRuntimeClient,
  ConverseCommand,
  type ConverseCommandInput,
  ModelTimeoutException,
  ThrottlingException,
  ValidationException,
} from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Iam, roleSchema } from '../kernel/iam.ts';
import type { Environment } from '../kernel/service.ts';
import { accountKey, createTestEnvironment } from '../kernel/testing/test-environment.ts';
import { Bedrock } from './server.ts';
import { jpegHead, pngHead } from './testing/pictures.ts';

const modelId = 'us.amazon.nova-lite-v1:0';
let environment: Environment & { dispose(): void };
let bedrock: Bedrock;
let client: BedrockRuntimeClient;
const clients: BedrockRuntimeClient[] = [];

function clientWith(settings: object = {}): BedrockRuntimeClient {
  const made = new BedrockRuntimeClient({
    region: 'us-east-1',
    endpoint: bedrock.url,
    credentials: accountKey,
    maxAttempts: 1,
    ...settings,
  });
  clients.push(made);
  return made;
}

beforeEach(async () => {
  environment = await createTestEnvironment();
  const iam = new Iam(environment.store, environment.accountId);
  iam.putRole(
    roleSchema.parse({
      roleName: 'board',
      policyDocument: { Statement: { Effect: 'Allow', Action: 'kinesisvideo:*', Resource: '*' } },
    }),
  );
  bedrock = new Bedrock(environment, { authorize: (...call) => iam.authorize(...call) });
  await bedrock.start();
  client = clientWith();
});
afterEach(async () => {
  for (const made of clients.splice(0)) made.destroy();
  await bedrock.stop();
  environment.dispose();
});

const picture = (bytes: Uint8Array, format: 'jpeg' | 'png' = 'jpeg') => ({
  image: { format, source: { bytes } },
});
const user = (...content: object[]) =>
  [{ role: 'user', content }] as unknown as NonNullable<ConverseCommandInput['messages']>;
const converse = (input: Partial<ConverseCommandInput>, via = client) =>
  via.send(new ConverseCommand({ modelId, messages: user({ text: 'What is there?' }), ...input }));
const textOf = ({ output }: Awaited<ReturnType<typeof converse>>): string =>
  output?.message?.content?.[0]?.text ?? '';

describe('answers', () => {
  it('say what came: number, format, size and length of the pictures', async () => {
    const pictures = [picture(jpegHead(320, 180)), picture(pngHead(640, 360), 'png')];
    const answer = await converse({ messages: user(...pictures, { text: 'What is there?' }) });
    const text = `2 pictures: JPEG 320 x 180 of ${jpegHead(320, 180).length} bytes, PNG 640 x 360 of 29 bytes.`;
    expect(answer.output?.message).toEqual({ role: 'assistant', content: [{ text }] });
    expect(answer.stopReason).toBe('end_turn');
    expect(answer.metrics?.latencyMs).toBeGreaterThanOrEqual(0);
    const inputTokens = 4 + 77 + 308;
    const outputTokens = Math.ceil(text.length / 4);
    expect(answer.usage).toEqual({ inputTokens, outputTokens, totalTokens: inputTokens + outputTokens });
  });

  it('are JSON in the form of the example in the prompt, with words that it offers', async () => {
    const system = [
      {
        text: 'Answer with JSON: {"labels": ["..."], "summary": "...", "scene": {"quiet": true}}\n- "labels": of these words: person, car, dog.\n- "summary": one sentence.',
      },
    ];
    const ask = () => converse({ system, messages: user(picture(jpegHead(320, 180)), { text: 'Now.' }) });
    const answer: unknown = JSON.parse(textOf(await ask()));
    expect(answer).toEqual({
      labels: [expect.stringMatching(/^(person|car|dog)$/)],
      summary: expect.stringMatching(/^1 picture: JPEG 320 x 180/),
      scene: { quiet: true },
    });
    expect(JSON.parse(textOf(await ask()))).toEqual(answer);
    const plain = await converse({ messages: user({ text: 'Answer as JSON, please: { }}{{' }) });
    expect(JSON.parse(textOf(plain))).toEqual({});
    const own = await converse({ messages: user({ text: 'Answer as JSON.' }) });
    expect(JSON.parse(textOf(own))).toEqual({ summary: '0 pictures.', images: 0 });
  });

  it('fit the JSON schema of the request', async () => {
    const schema = JSON.stringify({
      type: 'object',
      properties: {
        kind: { enum: ['day', 'night'] },
        count: { type: 'integer', minimum: 3 },
        tags: { type: 'array', minItems: 2, items: { type: 'string', maxLength: 3 } },
        note: { type: ['string', 'null'] },
        nothing: { type: 'null' },
        version: { const: 1 },
        moving: { type: 'boolean' },
      },
    });
    const outputConfig = {
      textFormat: { type: 'json_schema', structure: { jsonSchema: { schema } } },
    } as const;
    expect(JSON.parse(textOf(await converse({ outputConfig })))).toEqual({
      kind: expect.stringMatching(/^(day|night)$/),
      count: 3,
      tags: ['0 p', '0 p'],
      note: '0 pictures.',
      nothing: null,
      version: 1,
      moving: false,
    });
  });

  it('end at the token limit and at stop sequences', async () => {
    const short = await converse({ inferenceConfig: { maxTokens: 2 } });
    expect([textOf(short), short.stopReason]).toEqual(['0 pictur', 'max_tokens']);
    const stopped = await converse({ inferenceConfig: { stopSequences: ['tur', 'x'] } });
    expect([textOf(stopped), stopped.stopReason]).toEqual(['0 pic', 'stop_sequence']);
  });
});

describe('refusals', () => {
  it.each<[string, Partial<ConverseCommandInput>]>([
    ['no message', { messages: [] }],
    ['an assistant begins', { messages: [{ role: 'assistant', content: [{ text: 'a' }] }] }],
    ['one role twice', { messages: [...user({ text: 'a' }), ...user({ text: 'b' })] }],
    ['an empty message', { messages: user() }],
    ['a picture of another format', { messages: user(picture(pngHead(1, 1))) }],
    ['no picture at all', { messages: user(picture(Buffer.from('text'))) }],
    ['a picture too wide', { messages: user(picture(jpegHead(8001, 1))) }],
    ['21 pictures', { messages: user(...Array.from({ length: 21 }, () => picture(jpegHead(1, 1)))) }],
    ['a temperature above 1', { inferenceConfig: { temperature: 2 } }],
    ['a wrong model', { modelId: 'nova' }],
  ])('%s', async (_name, input) => {
    await expect(converse(input)).rejects.toThrow(ValidationException);
  });

  it('a picture above 3.75 MB, and a request above 25 MB', async () => {
    const large = Buffer.concat([jpegHead(320, 180), Buffer.alloc(3.75 * 1024 * 1024)]);
    await expect(converse({ messages: user(picture(large)) })).rejects.toThrow(/the limit is 3932160/);
    const huge = Buffer.concat([jpegHead(320, 180), Buffer.alloc(20 * 1024 * 1024)]);
    await expect(converse({ messages: user(picture(huge)) })).rejects.toMatchObject({
      name: 'RequestEntityTooLargeException',
    });
  });

  it('a signature for another service or secret, and a role that may not invoke models', async () => {
    const wrong = clientWith({ credentials: { ...accountKey, secretAccessKey: 'wrong' } });
    await expect(converse({}, wrong)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    const credentials = { accessKeyId: 'ASIABOARD', secretAccessKey: 's', sessionToken: 't' };
    environment.accessKeys.add({
      ...credentials,
      principal: {
        kind: 'role',
        accessKeyId: 'ASIABOARD',
        roleName: 'board',
        thingName: 'aovis-n4k-000001',
        certificateId: 'c',
      },
    });
    await expect(converse({}, clientWith({ credentials }))).rejects.toThrow(AccessDeniedException);
  });
});

describe('faults', () => {
  const add = (operation: string, effect: object): void => {
    environment.faults.add({
      service: 'bedrock',
      operation,
      subject: modelId,
      effect: effect as { kind: 'drop' },
      times: 1,
    });
  };
  const malformed = (value: object): void =>
    add('ConverseAnswer', { kind: 'custom', name: 'malformed-answer', value });

  it('throttled, timed out, lost', async () => {
    add('Converse', {
      kind: 'error',
      status: 429,
      code: 'ThrottlingException',
      message: 'Too many requests',
    });
    await expect(converse({})).rejects.toThrow(ThrottlingException);
    add('Converse', { kind: 'error', status: 408, code: 'ModelTimeoutException', message: 'too long' });
    await expect(converse({})).rejects.toThrow(ModelTimeoutException);
    add('Converse', { kind: 'drop' });
    await expect(converse({})).rejects.toThrow();
    expect(textOf(await converse({}))).toBe('0 pictures.');
  });

  it('answers that come with 200 and are wrong', async () => {
    malformed({ kind: 'broken-body' });
    await expect(converse({})).rejects.toThrow(SyntaxError);
    malformed({ kind: 'no-message' });
    expect((await converse({})).output?.message).toBeUndefined();
    malformed({ kind: 'no-content' });
    expect((await converse({})).output?.message?.content).toEqual([]);
    malformed({});
    expect(textOf(await converse({}))).toBe('0 pic');
    malformed({ kind: 'prose' });
    expect(textOf(await converse({}))).toMatch(/^I am sorry/);
    malformed({ kind: 'text', text: '{"labels": "no list"}' });
    expect(textOf(await converse({}))).toBe('{"labels": "no list"}');
    add('ConverseAnswer', {
      kind: 'custom',
      name: 'stop-reason',
      value: { stopReason: 'content_filtered' },
    });
    const filtered = await converse({});
    expect([filtered.stopReason, filtered.output?.message?.content]).toEqual(['content_filtered', []]);
  });
});

describe('the endpoint', () => {
  it('speaks HTTP/1.1 as well as HTTP/2', async () => {
    const path = `/model/${encodeURIComponent(modelId)}/converse`;
    const unsigned = await fetch(`${bedrock.url}${path}`, { method: 'POST', body: 'x'.repeat(1_000_000) });
    expect(unsigned.status).toBe(403);
    expect(unsigned.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
    const session = connect(bedrock.url);
    const stream = session.request({ ':method': 'POST', ':path': path }).end('{}');
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(403);
    expect(headers['x-amzn-errortype']).toBe('MissingAuthenticationTokenException');
    session.destroy();
  });

  it('takes requests byte by byte, and lets go of who says nothing', async () => {
    const silent = createConnection(bedrock.port, '127.0.0.1');
    await once(silent, 'connect');
    const slow = createConnection({ port: bedrock.port, host: '127.0.0.1', noDelay: true });
    for (const byte of 'POST / HTTP/1.1\r\nhost: x\r\n\r\n')
      await new Promise((resolve) => {
        slow.write(byte, resolve);
      });
    const [answer] = (await once(slow, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    const ended = [silent, slow].map((socket) => once(socket, 'close'));
    await bedrock.stop();
    await Promise.all(ended);
  });
});

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { BedrockVision } from './bedrock.ts';
import {
  type Answer,
  type RecordedService,
  startRecordedService,
  useTestCredentials,
} from './testing/recorded-service.ts';

const signal = new AbortController().signal;
const question = {
  instructions: 'Answer with JSON.',
  question: 'What is there?',
  images: [Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from([0xff, 0xd8, 0xff, 0xe1])],
  maxOutputTokens: 400,
};
const answered = {
  output: {
    message: { role: 'assistant', content: [{ text: '{"labels":[],' }, { text: '"summary":"x"}' }] },
  },
  stopReason: 'end_turn',
  usage: { inputTokens: 1_250, outputTokens: 40, totalTokens: 1_290 },
  metrics: { latencyMs: 900 },
};
let service: RecordedService;
let model: BedrockVision;
let answers: Answer[];

beforeEach(async () => {
  useTestCredentials();
  service = await startRecordedService(() => answers.shift() ?? { status: 500 }, { http2: true });
  model = new BedrockVision({
    region: 'us-east-1',
    endpoint: service.url,
    modelId: 'us.amazon.nova-lite-v1:0',
  });
});
afterEach(async () => {
  model.close();
  await service.stop();
});

it('asks with the pictures before the question', async () => {
  answers = [{ body: answered }];
  expect(await model.ask(question, signal)).toEqual({
    text: '{"labels":[],"summary":"x"}',
    inputTokens: 1_250,
    outputTokens: 40,
  });
  expect(service.requests).toEqual([
    {
      method: 'POST',
      path: '/model/us.amazon.nova-lite-v1%3A0/converse',
      authorization: expect.stringContaining('/us-east-1/bedrock/aws4_request'),
      body: {
        system: [{ text: 'Answer with JSON.' }],
        messages: [
          {
            role: 'user',
            content: [
              { image: { format: 'jpeg', source: { bytes: '/9j/4A==' } } },
              { image: { format: 'jpeg', source: { bytes: '/9j/4Q==' } } },
              { text: 'What is there?' },
            ],
          },
        ],
        inferenceConfig: { maxTokens: 400, temperature: 0 },
      },
    },
  ]);
});

it('asks once more when it is told to slow down', async () => {
  answers = [{ status: 429, error: 'ThrottlingException' }, { body: answered }];
  expect(await model.ask(question, signal)).toMatchObject({ outputTokens: 40 });
  answers = [1, 2, 3].map(() => ({ status: 429, error: 'ThrottlingException' }));
  await expect(model.ask(question, signal)).rejects.toMatchObject({ code: 'service_unavailable' });
  expect(service.requests).toHaveLength(4);
});

it.each([
  { status: 408, error: 'ModelTimeoutException' },
  { status: 424, error: 'ModelErrorException' },
  { status: 503, error: 'ServiceUnavailableException' },
  { body: {} },
  { body: { ...answered, output: { message: { content: 'text' } } } },
  { body: { ...answered, usage: { inputTokens: -1, outputTokens: 2 } } },
])('%j is a service that cannot answer now', async (answer) => {
  answers = [answer, answer];
  await expect(model.ask(question, signal)).rejects.toMatchObject({ code: 'service_unavailable' });
});

it('leaves a denial as it is: access to the model is missing', async () => {
  answers = [{ status: 403, error: 'AccessDeniedException' }];
  await expect(model.ask(question, signal)).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

it('ends with its caller', async () => {
  answers = [{ silent: true }];
  const caller = new AbortController();
  const asked = model.ask(question, caller.signal);
  caller.abort();
  await expect(asked).rejects.toMatchObject({ code: 'service_unavailable' });
});

import { z } from 'zod';
import type { AwsAnswer } from '../kernel/aws-server.ts';
import type { FaultEffect, Faults } from '../kernel/faults.ts';

/** What can be wrong with an answer that comes with 200. */
const malformedSchema = z.strictObject({
  kind: z.enum(['broken-body', 'no-message', 'no-content', 'cut-text', 'prose', 'text']).default('cut-text'),
  /** For `text`: answered as it is. */
  text: z.string().max(100_000).default(''),
});

interface ConverseBody {
  output: { message?: { role: string; content: { text: string }[] } };
  stopReason: string;
  usage: object;
  metrics: object;
}

/** Faults of an answer, asked for under the operation `ConverseAnswer`; `subject` is the model id. */
export class AnswerFaults {
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  apply(modelId: string, body: ConverseBody): AwsAnswer {
    const effect = this.#faults.take('bedrock', 'ConverseAnswer', modelId);
    if (effect?.kind !== 'custom') return { json: body };
    if (effect.name === 'stop-reason') {
      const stopReason = z.strictObject({ stopReason: z.string() }).parse(effect.value).stopReason;
      return { json: { ...body, stopReason, output: { message: { role: 'assistant', content: [] } } } };
    }
    return effect.name === 'malformed-answer' ? malformed(effect, body) : { json: body };
  }
}

function malformed(effect: FaultEffect & { kind: 'custom' }, body: ConverseBody): AwsAnswer {
  const { kind, text } = malformedSchema.parse(effect.value ?? {});
  const content = body.output.message?.content ?? [];
  const withContent = (changed: { text: string }[]): AwsAnswer => ({
    json: { ...body, output: { message: { role: 'assistant', content: changed } } },
  });
  switch (kind) {
    case 'broken-body':
      return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body).slice(0, -20) };
    case 'no-message':
      return { json: { ...body, output: {} } };
    case 'no-content':
      return withContent([]);
    case 'cut-text':
      return withContent(content.map((part) => ({ text: part.text.slice(0, part.text.length / 2) })));
    case 'prose':
      return withContent([{ text: 'I am sorry, but I can only describe what I see in words.' }]);
    case 'text':
      return withContent([{ text }]);
  }
}

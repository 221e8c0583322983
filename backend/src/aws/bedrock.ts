import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { z } from 'zod';
import type { VisionAnswer, VisionModel, VisionQuestion } from '../features/ai/ai-ports.ts';
import { AppError } from '../kernel/errors.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

/** A picture question takes seconds. Of two calls the second is the one retry. */
const modelLimits = { requestTimeoutMs: 20_000, maxAttempts: 2 };
const retryAfterMs = 10_000;

/** What of Converse's answer is used (Bedrock API Reference, Converse). */
const answerSchema = z.object({
  output: z.object({ message: z.object({ content: z.array(z.object({ text: z.string().optional() })) }) }),
  usage: z.object({ inputTokens: z.int().nonnegative(), outputTokens: z.int().nonnegative() }),
});

/** A vision model of Amazon Bedrock, by Converse. */
export class BedrockVision implements VisionModel {
  readonly #client: BedrockRuntimeClient;
  readonly #modelId: string;

  constructor(settings: AwsClientSettings & { modelId: string }) {
    this.#client = new BedrockRuntimeClient(clientConfig(settings, modelLimits));
    this.#modelId = settings.modelId;
  }

  async ask(
    { instructions, question, images, maxOutputTokens }: VisionQuestion,
    signal: AbortSignal,
  ): Promise<VisionAnswer> {
    const pictures = images.map((bytes) => ({ image: { format: 'jpeg' as const, source: { bytes } } }));
    const command = new ConverseCommand({
      modelId: this.#modelId,
      system: [{ text: instructions }],
      messages: [{ role: 'user', content: [...pictures, { text: question }] }],
      inferenceConfig: { maxTokens: maxOutputTokens, temperature: 0 },
    });
    try {
      return read(await this.#client.send(command, { abortSignal: signal }));
    } catch (error) {
      // These come with 408 and 424, as if we had done something wrong.
      if (isAwsError(error, 'ModelTimeoutException', 'ModelErrorException'))
        throw new AppError('service_unavailable', { cause: error, retryAfterMs });
      throw translateAwsError(error);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}

function read(answer: unknown): VisionAnswer {
  const { success, data, error } = answerSchema.safeParse(answer);
  if (!success) throw new AppError('service_unavailable', { cause: error, retryAfterMs });
  const text = data.output.message.content.map((part) => part.text ?? '').join('');
  return { text, ...data.usage };
}

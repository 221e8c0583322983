import type { AdminRoute } from '../kernel/admin-route.ts';
import { type AwsOperation, AwsServer } from '../kernel/aws-server.ts';
import type { Authorizer } from '../kernel/principal.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { answerTo } from './answer.ts';
import { AnswerFaults } from './answer-faults.ts';
import { readConversation } from './converse-input.ts';
import { validation } from './errors.ts';

export interface BedrockOptions extends Authorizer {
  /** Default 0: a free one. */
  port?: number;
}

/** A whole request of the models that take pictures (Amazon Nova User Guide: 25 MB). */
const maxBodyBytes = 25 * 1024 * 1024;

/** Of a foundation model, an inference profile of several regions, or either's ARN. */
const modelIdPattern =
  /^(?:arn:aws:bedrock:[a-z0-9-]*:\d*:(?:foundation-model|inference-profile|application-inference-profile)\/)?(?:[a-z]+\.)?[a-z0-9-]+\.[a-z0-9-]+(?:[.:][a-z0-9-]+)*$/i;

/** The stand-in for Amazon Bedrock's model runtime: Converse, answered by rule. */
export class Bedrock implements Service {
  readonly name = 'bedrock';
  readonly adminRoutes: readonly AdminRoute[] = [];
  readonly #port: number;
  readonly #server: AwsServer;
  #listeningPort = 0;

  constructor(environment: Environment, options: BedrockOptions) {
    this.#port = options.port ?? 0;
    this.#server = new AwsServer({
      ...environment,
      service: 'bedrock',
      signingNames: ['bedrock'],
      operations: [converseOperation(environment, options)],
      http2: true,
      maxBodyBytes,
    });
  }

  /** `http://127.0.0.1:port`, once started. */
  get url(): string {
    return `http://127.0.0.1:${this.#listeningPort}`;
  }

  get port(): number {
    return this.#listeningPort;
  }

  async start(): Promise<void> {
    this.#listeningPort = await this.#server.listen(this.#port);
  }

  stop(): Promise<void> {
    return this.#server.close();
  }
}

/** Converse (Amazon Bedrock API Reference). */
function converseOperation({ region, faults, clock }: Environment, authorizer: Authorizer): AwsOperation {
  const answerFaults = new AnswerFaults(faults);
  return {
    name: 'Converse',
    method: 'POST',
    path: '/model/{modelId}/converse',
    handle(request) {
      const startedMs = clock.now();
      const modelId = request.params['modelId'] ?? '';
      const arn = modelId.startsWith('arn:')
        ? modelId
        : `arn:aws:bedrock:${region}::foundation-model/${modelId}`;
      authorizer.authorize(request.principal, 'bedrock:InvokeModel', arn);
      if (!modelIdPattern.test(modelId)) throw validation('The provided model identifier is invalid.');
      const { text, stopReason, inputTokens, outputTokens } = answerTo(readConversation(request.json()));
      return answerFaults.apply(modelId, {
        output: { message: { role: 'assistant', content: [{ text }] } },
        stopReason,
        usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens },
        metrics: { latencyMs: clock.now() - startedMs },
      });
    },
  };
}

import * as z from 'zod';
import { callService, ServiceCallError, type ServiceCaller } from './service-call.ts';

export interface DataEndpointOptions extends ServiceCaller {
  /** Control plane; see `kinesisVideoEndpoint` for AWS's own. */
  endpoint: URL;
  /** What the endpoint is wanted for. */
  apiName: 'PUT_MEDIA' | 'LIST_FRAGMENTS';
}

/** As the reference producer caches it; 5 calls a second are allowed per stream (Developer Guide, "Limits"). */
const cacheMs = 40 * 60_000;
const maxAnswerChars = 8_192;
const answerSchema = z.object({ DataEndpoint: z.url({ protocol: /^https?$/ }) });

/** Public endpoint of Kinesis Video Streams in a region. */
export function kinesisVideoEndpoint(region: string): URL {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(`https://kinesisvideo.${region}.${domain}`);
}

/** Where the calls of one kind for a stream go: GetDataEndpoint, remembered until it fails. */
export class DataEndpointClient {
  readonly #options: DataEndpointOptions;
  #cached: { endpoint: URL; untilMs: number } | undefined;

  constructor(options: DataEndpointOptions) {
    this.#options = options;
  }

  /** The data endpoint, exactly as the service names it. Rejects as `callService`. */
  async get(signal: AbortSignal): Promise<URL> {
    const now = this.#options.clock.monotonic();
    if (this.#cached !== undefined && now < this.#cached.untilMs) return this.#cached.endpoint;
    const endpoint = await this.#ask(signal);
    this.#cached = { endpoint, untilMs: now + cacheMs };
    return endpoint;
  }

  /** The endpoint failed: ask again next time. */
  forget(): void {
    this.#cached = undefined;
  }

  async #ask(signal: AbortSignal): Promise<URL> {
    const { endpoint, streamName, apiName } = this.#options;
    const answer = await callService(this.#options, {
      operation: 'GetDataEndpoint',
      endpoint,
      body: { StreamName: streamName, APIName: apiName },
      maxAnswerChars,
      signal,
    });
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success)
      throw new ServiceCallError('GetDataEndpoint answered without a data endpoint.', {
        name: 'NO_ENDPOINT',
        decision: 'resend',
        advice: 'The agent tries again.',
      });
    return new URL(parsed.data.DataEndpoint);
  }
}

import { IoTClient } from '@aws-sdk/client-iot';
import { cloudFailureOf } from './aws-errors.ts';
import { CloudFailure, type QuotaOperation } from './iot-registry.ts';
import { PacedCalls, type RetryRules } from './paced-calls.ts';
import { TokenBucket } from './token-bucket.ts';

export interface AwsIotOptions {
  region: string;
  /** Instead of the region's public control endpoint. */
  controlUrl: string | undefined;
  /** Calls a second that this account may make. */
  quotas: Readonly<Record<QuotaOperation, { callsPerSecond: number }>>;
  requestTimeoutMs: number;
  rules: RetryRules;
}

export interface Abort {
  abortSignal: AbortSignal;
}

type FetchPage<T> = (
  token: string | undefined,
  abort: Abort,
) => Promise<{ items: T[] | undefined; next: string | undefined }>;

/**
 * Calls to AWS IoT Core's control plane. Credentials come from the SDK's default chain. Each operation with a quota has
 * its own token bucket; the SDK's own retries are off, so that every call that goes out was paced.
 */
export class AwsCalls {
  readonly client: IoTClient;
  readonly #rules: RetryRules;
  readonly #calls: PacedCalls;
  readonly #buckets: ReadonlyMap<string, TokenBucket>;

  constructor(options: AwsIotOptions) {
    this.#rules = options.rules;
    this.#calls = new PacedCalls(options.rules);
    this.client = new IoTClient({
      region: options.region,
      ...(options.controlUrl ? { endpoint: options.controlUrl } : {}),
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: 5_000,
        requestTimeout: options.requestTimeoutMs,
        throwOnRequestTimeout: true,
      },
    });
    this.#buckets = new Map(
      Object.entries(options.quotas).map(([operation, { callsPerSecond }]) => [
        operation,
        new TokenBucket(callsPerSecond, options.rules.clock),
      ]),
    );
  }

  close(): void {
    this.client.destroy();
  }

  call<T>(operation: string, send: (abort: Abort) => Promise<T>): Promise<T> {
    return this.#calls.call(this.#buckets.get(operation), async () => {
      try {
        return await send({ abortSignal: this.#rules.signal });
      } catch (error) {
        this.#rules.signal.throwIfAborted();
        throw cloudFailureOf(operation, error);
      }
    });
  }

  /** Undefined when AWS does not find it. */
  async find<T>(operation: string, send: (abort: Abort) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.call(operation, send);
    } catch (error) {
      if (error instanceof CloudFailure && error.kind === 'not-found') return undefined;
      throw error;
    }
  }

  async *pages<T>(operation: string, fetchPage: FetchPage<T>): AsyncGenerator<T> {
    let token: string | undefined;
    do {
      const { items, next } = await this.call(operation, (abort) => fetchPage(token, abort));
      yield* items ?? [];
      token = next;
    } while (token);
  }

  /** A short list of something that may not be there. */
  async all<T>(operation: string, fetchPage: FetchPage<T>): Promise<T[]> {
    const all: T[] = [];
    try {
      for await (const item of this.pages(operation, fetchPage)) all.push(item);
    } catch (error) {
      if (!(error instanceof CloudFailure) || error.kind !== 'not-found') throw error;
    }
    return all;
  }
}

export function required<T>(operation: string, value: T | undefined): T {
  if (value === undefined)
    throw new CloudFailure('rejected', operation, `AWS IoT's answer to ${operation} is incomplete.`);
  return value;
}

import { types } from 'node:util';
import {
  importManifest,
  type ManifestResult,
  manifestConflictDetailsSchema,
  manifestResultSchema,
} from '@aovis/contracts/http/factory';
import { z } from 'zod';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { PacedCalls, type RetryRules } from '../cloud/paced-calls.ts';
import { messageOf, Refusal } from '../refusal.ts';
import { conflictSentence } from './conflict-sentence.ts';

const errorBodySchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    request_id: z.string().optional(),
    details: z.unknown().optional(),
  }),
});

/** Hands manifests to the backend. A manifest may be sent any number of times. */
export class BackendClient {
  readonly url: string;
  readonly #timeoutMs: number;
  readonly #rules: RetryRules;
  readonly #calls: PacedCalls;

  constructor(options: { url: string; requestTimeoutMs: number; rules: RetryRules }) {
    this.url = options.url.replace(/\/+$/, '');
    this.#timeoutMs = options.requestTimeoutMs;
    this.#rules = options.rules;
    this.#calls = new PacedCalls(options.rules);
  }

  /** Throws `Refusal` when the backend says no, `CloudFailure` when it does not answer. */
  async push(jws: string, dryRun: boolean): Promise<ManifestResult> {
    return await this.#calls.call(undefined, () => this.#post(jws, dryRun));
  }

  async #post(jws: string, dryRun: boolean): Promise<ManifestResult> {
    const { signal, clock } = this.#rules;
    let response: Response;
    let body: string;
    try {
      response = await fetch(`${this.url}${importManifest.path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ manifest: jws, ...(dryRun ? { dry_run: true } : {}) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
      });
      body = await response.text();
    } catch (error) {
      signal.throwIfAborted();
      throw this.#unavailable(causeOf(error), error);
    }
    if (response.status === 429) {
      // Wait as long as it says, then as after any throttle.
      const seconds = Number(response.headers.get('retry-after') ?? '0');
      await clock.sleep(Math.min(60, Number.isFinite(seconds) ? seconds : 0) * 1000, signal);
      throw new CloudFailure('throttled', 'manifest', 'The backend asks for fewer requests.');
    }
    if (response.status >= 500) throw this.#unavailable(`status ${response.status}`);
    const json = parseJson(body);
    if (response.status === 200) {
      const result = manifestResultSchema.safeParse(json);
      if (result.success) return result.data;
      throw this.#unavailable('its answer is not one of our backend');
    }
    throw this.#refusal(response.status, json);
  }

  #unavailable(why: string, cause?: unknown): CloudFailure {
    return new CloudFailure(
      'unavailable',
      'manifest',
      `The backend ${this.url} does not take the manifest now (${why}); check the network, then run the same command again.`,
      cause,
    );
  }

  #refusal(status: number, json: unknown): Refusal {
    const parsed = errorBodySchema.safeParse(json);
    if (!parsed.success)
      return new Refusal('usage', `${this.url} answers ${status} and is not our backend; check backend_url.`);
    const { code, message, request_id, details } = parsed.data.error;
    const reference = request_id ? ` (request ${request_id})` : '';
    if (code === 'manifest_conflict')
      return new Refusal('conflict', `The backend disagrees: ${message}${reference}`, {
        details: conflictLines(details),
      });
    if (code === 'unknown_station' || code === 'invalid_signature') {
      return new Refusal(
        'credentials',
        `The backend does not know this station's key: ${message}${reference} Register what «aovis-provision station show» prints.`,
      );
    }
    return new Refusal('conflict', `The backend refuses the manifest: ${message}${reference}`);
  }
}

function conflictLines(details: unknown): string[] {
  const parsed = manifestConflictDetailsSchema.safeParse(details);
  if (!parsed.success) return [];
  if ('manifest_id' in parsed.data) return ['the manifest id was used with another content'];
  return parsed.data.devices.filter(({ result }) => result === 'conflict').map(conflictSentence);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch hides the reason (ECONNREFUSED …) in `cause`. */
function causeOf(error: unknown): string {
  return types.isNativeError(error) && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import * as z from 'zod';
import type { CredentialSource } from '../credentials/credential-source.ts';
import type { Clock } from '../host/clock.ts';
import { decideHttpError, type ErrorDecision } from './error-decisions.ts';
import { signRequest } from './request-signer.ts';
import { exceptionOf } from './service-exception.ts';

export interface DataEndpointOptions {
  /** Control plane; see `kinesisVideoEndpoint` for AWS's own. */
  endpoint: URL;
  region: string;
  streamName: string;
  credentials: CredentialSource;
  clock: Clock;
  userAgent: string;
  ca?: string | Buffer | undefined;
}

/** Asking for the endpoint failed; `decision` says what to do about it. */
export class DataEndpointError extends Error {
  override readonly name = 'DataEndpointError';
  readonly decision: ErrorDecision;

  constructor(message: string, decision: ErrorDecision, options?: ErrorOptions) {
    super(message, options);
    this.decision = decision;
  }
}

/** As the reference producer caches it; 5 calls a second are allowed per stream (Developer Guide, "Limits"). */
const cacheMs = 40 * 60_000;
const timeoutMs = 5_000;
const maxAnswerChars = 8_192;
const answerSchema = z.object({ DataEndpoint: z.url({ protocol: /^https?$/ }) });
const unreachable: ErrorDecision = {
  name: 'UNREACHABLE',
  decision: 'resend',
  advice: 'The network is down.',
};

/** Public endpoint of Kinesis Video Streams in a region. */
export function kinesisVideoEndpoint(region: string): URL {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(`https://kinesisvideo.${region}.${domain}`);
}

/** Where the media of a stream goes: GetDataEndpoint for PUT_MEDIA, remembered until it fails. */
export class DataEndpointClient {
  readonly #options: DataEndpointOptions;
  #cached: { endpoint: URL; untilMs: number } | undefined;

  constructor(options: DataEndpointOptions) {
    this.#options = options;
  }

  /** The data endpoint, exactly as the service names it. Rejects with a DataEndpointError, or what `credentials` throws. */
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
    const { endpoint, streamName, region, credentials, clock, userAgent, ca } = this.#options;
    const url = new URL('/getDataEndpoint', endpoint);
    const body = JSON.stringify({ StreamName: streamName, APIName: 'PUT_MEDIA' });
    const headers = signRequest({
      url,
      body,
      headers: { 'content-type': 'application/json', 'user-agent': userAgent },
      region,
      credentials: await credentials.get(),
      date: new Date(clock.now()),
    });
    const answer = await post(url, headers, body, ca, signal);
    if (answer.status !== 200) throw refused(answer);
    const parsed = answerSchema.safeParse(parseJson(answer.body));
    if (!parsed.success)
      throw new DataEndpointError('GetDataEndpoint answered without a data endpoint.', unreachable);
    return new URL(parsed.data.DataEndpoint);
  }
}

interface Answer {
  status: number;
  exception: string | undefined;
  body: string;
}

function refused({ status, exception }: Answer): DataEndpointError {
  const decision = decideHttpError(status, exception);
  return new DataEndpointError(`GetDataEndpoint was refused: ${decision.name}. ${decision.advice}`, decision);
}

function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  ca: string | Buffer | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new DataEndpointError(
          `GetDataEndpoint failed: ${error.message}; check the uplink and its DNS (${url.host}).`,
          unreachable,
          { cause: error },
        ),
      );
    const options = { method: 'POST', headers, agent: false, signal, timeout: timeoutMs } as const;
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ...(ca === undefined ? {} : { ca }) })
        : httpRequest(url, options);
    request
      .on('timeout', () =>
        request.destroy(new Error(`no answer from ${url.host} within ${timeoutMs / 1_000} s`)),
      )
      .on('error', fail)
      .on('response', (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (part: string) => {
            text = `${text}${part}`.slice(0, maxAnswerChars);
          })
          .on('error', fail)
          .on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              exception: exceptionOf(response.headers, text),
              body: text,
            }),
          );
      })
      .end(body);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

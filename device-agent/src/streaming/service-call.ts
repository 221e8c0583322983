import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { CredentialSource } from '../credentials/credential-source.ts';
import type { Clock } from '../host/clock.ts';
import { decideHttpError, type ErrorDecision } from './error-decisions.ts';
import { signRequest } from './request-signer.ts';
import { exceptionOf } from './service-exception.ts';

/** Who calls Kinesis Video Streams, for which stream. */
export interface ServiceCaller {
  region: string;
  streamName: string;
  credentials: CredentialSource;
  clock: Clock;
  userAgent: string;
  /** Authorities trusted for https, PEM; default Node's own. */
  ca?: string | Buffer | undefined;
}

/** A call failed; `decision` says what to do about it. */
export class ServiceCallError extends Error {
  override readonly name = 'ServiceCallError';
  readonly decision: ErrorDecision;

  constructor(message: string, decision: ErrorDecision, options?: ErrorOptions) {
    super(message, options);
    this.decision = decision;
  }
}

const timeoutMs = 5_000;
/** No answer at all. */
export const unreachable: ErrorDecision = {
  name: 'UNREACHABLE',
  decision: 'resend',
  advice: 'The network is down.',
};

export interface ServiceCall {
  /** Such as `GetDataEndpoint`: its path is `/getDataEndpoint`. */
  operation: string;
  endpoint: URL;
  /** Where it differs from that. */
  path?: string;
  body: object;
  /** Of the answer, in UTF-16 units; what is longer is cut and so no JSON. */
  maxAnswerChars: number;
  signal: AbortSignal;
}

/**
 * One signed call of Kinesis Video Streams: a POST of JSON. Answers the parsed JSON, undefined when it is none. Rejects
 * with a ServiceCallError, or what `credentials` throws.
 */
export async function callService(
  caller: Omit<ServiceCaller, 'streamName'>,
  call: ServiceCall,
): Promise<unknown> {
  const { operation, path = `/${operation.charAt(0).toLowerCase()}${operation.slice(1)}` } = call;
  const url = new URL(path, call.endpoint);
  const body = JSON.stringify(call.body);
  const headers = signRequest({
    url,
    body,
    headers: { 'content-type': 'application/json', 'user-agent': caller.userAgent },
    region: caller.region,
    credentials: await caller.credentials.get(),
    date: new Date(caller.clock.now()),
  });
  const answer = await post(url, headers, body, caller.ca, call);
  if (answer.status === 200) return parseJson(answer.body);
  const decision = decideHttpError(answer.status, answer.exception);
  throw new ServiceCallError(`${operation} was refused: ${decision.name}. ${decision.advice}`, decision);
}

interface Answer {
  status: number;
  exception: string | undefined;
  body: string;
}

function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  ca: string | Buffer | undefined,
  { operation, maxAnswerChars, signal }: ServiceCall,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new ServiceCallError(
          `${operation} failed: ${error.message}; check the uplink and its DNS (${url.host}).`,
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

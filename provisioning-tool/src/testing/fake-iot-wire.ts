import { createHash, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** An answer of AWS IoT that is an error, with its name on the wire. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly extra: Record<string, string>;

  constructor(status: number, code: string, message: string, extra: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.extra = extra;
  }
}

export type Body = Record<string, unknown>;
export interface Call {
  /** Path parameter, where the route has one. */
  name: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Body;
}
export interface Route {
  method: string;
  path: RegExp;
  operation: string;
  handle: (call: Call) => Body;
}

export const arn = (resource: string) => `arn:aws:iot:eu-central-1:123456789012:${resource}`;
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const idOf = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');

export function parsed(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new ApiError(400, 'CertificateValidationException', 'the certificate could not be parsed');
  }
}

/** As AWS does it: a token that says where the next page begins. */
export function page<T>(all: T[], token: string | null, size: string | null): { items: T[]; next?: string } {
  const start = Number(token ?? '0');
  const end = start + Math.min(250, Number(size ?? '25'));
  return { items: all.slice(start, end), ...(end < all.length ? { next: String(end) } : {}) };
}

export function answer(response: ServerResponse, status: number, body: Body, errorType?: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(errorType ? { 'x-amzn-errortype': errorType } : {}),
  });
  response.end(JSON.stringify(body));
}

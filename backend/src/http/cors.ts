import { requestIdHeader } from '@aovis/contracts/http/common';
import type { RequestHandler } from 'express';

const allowedHeaders = 'Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-Id';
const exposedHeaders = `${requestIdHeader}, Content-Disposition, ETag, Retry-After, RateLimit, RateLimit-Policy`;
const preflightSeconds = 600;

/** Cross-origin requests from exactly these origins, without cookies. Others get no CORS headers, so browsers refuse them. */
export function cors(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins);
  return (request, response, next) => {
    response.vary('Origin');
    const origin = request.get('origin');
    const known = origin !== undefined && allowed.has(origin);
    if (known) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Expose-Headers', exposedHeaders);
    }
    if (request.method !== 'OPTIONS' || request.get('access-control-request-method') === undefined) {
      next();
      return;
    }
    if (known) {
      response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
      response.setHeader('Access-Control-Allow-Headers', allowedHeaders);
      response.setHeader('Access-Control-Max-Age', preflightSeconds);
    }
    response.status(204).end();
  };
}

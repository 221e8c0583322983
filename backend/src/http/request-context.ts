import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from '../kernel/logger.ts';

/** What a handler may know of the request beside its parsed parts. */
export interface RequestContext {
  requestId: string;
  /** In capitals. */
  method: string;
  /** Of the client, behind as many proxies as the configuration names. */
  ip: string;
  userAgent: string | undefined;
  /** Value of a request header, by any case. */
  header(name: string): string | undefined;
  /** The body's bytes as they came, for signatures; empty when there was none. */
  rawBody: Buffer;
  /** Carries the request id on every line. */
  log: Logger;
  /** Aborted when the client goes away before it has its answer: for handlers that keep something costly running. */
  hungUp: AbortSignal;
}

/** How a request was answered: its route's template, and the code when it was refused. */
export interface Answered {
  method: string;
  route: string;
  status: number;
  seconds: number;
  code: string | undefined;
}

const contextKey = Symbol('request context');
type WithContext = Request & { [contextKey]?: RequestContext };
const acceptableId = /^[A-Za-z0-9._-]{1,128}$/;

/** Gives every request its id (the caller's own when it is well-formed) and logs how it was answered. */
export function requestContext(
  logger: Logger,
  observe: (answered: Answered) => void = () => {},
): RequestHandler {
  return (request: WithContext, response: Response, next: NextFunction) => {
    const asked = request.get('x-request-id');
    const requestId = asked !== undefined && acceptableId.test(asked) ? asked : randomUUID();
    let log: Logger | undefined;
    let hungUp: AbortSignal | undefined;
    request[contextKey] = {
      requestId,
      method: request.method,
      ip: request.ip ?? '',
      userAgent: request.get('user-agent')?.slice(0, 256),
      header: (name) => request.get(name),
      get rawBody() {
        return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      },
      get log() {
        log ??= logger.child({ requestId });
        return log;
      },
      get hungUp() {
        hungUp ??= hangUpSignal(response);
        return hungUp;
      },
    };
    response.setHeader('X-Request-Id', requestId);
    const startedAt = performance.now();
    response.once('finish', () => {
      const durationMs = performance.now() - startedAt;
      const { method } = request;
      const [route, status] = [routeOf(request), response.statusCode];
      logger.info({ requestId, method, route, status, durationMs: Math.round(durationMs) }, 'request');
      observe({ method, route, status, seconds: durationMs / 1_000, code: refusalOf(response) });
    });
    next();
  };
}

function hangUpSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  const look = (): void => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.closed) look();
  else response.once('close', look);
  return controller.signal;
}

const refusalKey = Symbol('code of the refusal');
type WithRefusal = Response & { [refusalKey]?: string };

/** Notes by which code a request is refused. */
export function keepRefusal(response: WithRefusal, code: string): void {
  response[refusalKey] = code;
}

function refusalOf(response: WithRefusal): string | undefined {
  return response[refusalKey];
}

/** The template, never the path itself: people type codes and tokens into paths too. */
function routeOf(request: Request): string {
  const { route, baseUrl } = request as Request & { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? `${baseUrl}${route.path}` : 'none';
}

export function contextOf(request: Request): RequestContext {
  const context = (request as WithContext)[contextKey];
  if (context === undefined) throw new Error('the request context is not mounted');
  return context;
}

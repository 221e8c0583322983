import { type ErrorCode, publicMessageOf, statusOf } from '@aovis/contracts/error-codes';
import type { ErrorBody, FieldProblem, ProblemBody } from '@aovis/contracts/http/common';
import type { RouteContract } from '@aovis/contracts/http/route';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { translatePgError } from '../db/pg-errors.ts';
import { AppError } from '../kernel/errors.ts';
import { contextOf, keepRefusal } from './request-context.ts';

/** Everything that no route took. */
export const nothingHere: RequestHandler = () => {
  throw new AppError('not_found');
};

/** The only place that turns codes into statuses and bodies. What has no code becomes an opaque 500 and an ERROR line. */
export const errorHandler: ErrorRequestHandler = (thrown: unknown, request, response, next) => {
  const { log, requestId } = contextOf(request);
  const error = toAppError(thrown);
  const status = statusIn(response, error.code);
  keepRefusal(response, error.code);
  if (status >= 500 && error.retryAfterMs === undefined) log.error({ error: thrown }, 'request failed');
  else if (status >= 500) log.warn({ error: thrown }, 'request could not be served');
  else log.debug({ error: thrown }, 'request refused');
  if (response.headersSent) {
    next(thrown);
    return;
  }
  if (error.retryAfterMs !== undefined)
    response.setHeader('Retry-After', Math.ceil(error.retryAfterMs / 1_000));
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  response.setHeader('Cache-Control', 'no-store');
  response.vary('Accept');
  response.status(status);
  if (prefersProblem(request))
    response.type('application/problem+json').send(JSON.stringify(problem(error, status, requestId)));
  else response.json(plain(error, requestId));
};

const statusesKey = Symbol('statuses of the route');
type WithStatuses = Response & { [statusesKey]?: RouteContract['statuses'] };

/** Notes which codes this answer's route gives another status than the table. */
export function keepStatuses(response: WithStatuses, statuses: RouteContract['statuses']): void {
  if (statuses !== undefined) response[statusesKey] = statuses;
}

function statusIn(response: WithStatuses, code: ErrorCode): number {
  return response[statusesKey]?.[code] ?? statusOf(code);
}

function prefersProblem(request: Request): boolean {
  return request.accepts(['application/json', 'application/problem+json']) === 'application/problem+json';
}

/** Errors of Express and its body reader carry a status of their own. */
function toAppError(thrown: unknown): AppError {
  const error = translatePgError(thrown);
  if (error instanceof AppError) return error;
  const { status, type } = (typeof error === 'object' && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  if (status === 413) return new AppError('payload_too_large', { cause: error });
  if (status === 415) return new AppError('unsupported_media_type', { cause: error });
  if (status === 400 && error instanceof URIError)
    return refused(error, { path: 'params', message: 'The address is no percent-encoded UTF-8' });
  // A client that hung up, a length that is not true.
  if (status === 400 && typeof type === 'string')
    return refused(error, { path: 'body', message: 'The body did not come as long as it was announced' });
  return new AppError('internal_error', { cause: error });
}

function refused(cause: unknown, problem: FieldProblem): AppError {
  return new AppError('invalid_request', { cause, details: [problem] });
}

type Details = ErrorBody['error']['details'];

function detailsOf(error: AppError): { details?: NonNullable<Details> } {
  return error.details === undefined ? {} : { details: error.details as NonNullable<Details> };
}

function plain(error: AppError, requestId: string): ErrorBody {
  return {
    error: {
      code: error.code,
      message: publicMessageOf(error.code),
      request_id: requestId,
      ...detailsOf(error),
    },
  };
}

function problem(error: AppError, status: number, requestId: string): ProblemBody {
  return {
    type: 'about:blank',
    title: error.code.replaceAll('_', ' '),
    status,
    detail: publicMessageOf(error.code),
    code: error.code,
    request_id: requestId,
    ...detailsOf(error),
  };
}

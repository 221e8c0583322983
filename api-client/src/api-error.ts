import type { components } from './schema.ts';

export type ErrorBody = components['schemas']['Error'];
export type ErrorCode = ErrorBody['error']['code'];

/** A refusal of the API, or an answer that is none of its own (a proxy's page, say): then `code` is undefined. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: ErrorCode | undefined;
  /** Depends on the code; for `invalid_request` it names each field. */
  readonly details: ErrorBody['error']['details'];
  /** Quote it when you report the error. */
  readonly requestId: string | undefined;
  /** How long the API asks to wait, when it does (429, 503). */
  readonly retryAfterMs: number | undefined;

  constructor(response: Response, body: unknown) {
    const refusal = isErrorBody(body) ? body.error : undefined;
    super(refusal?.message ?? `The server answered ${response.status}.`);
    this.status = response.status;
    this.code = refusal?.code;
    this.details = refusal?.details;
    this.requestId = refusal?.request_id ?? response.headers.get('X-Request-Id') ?? undefined;
    const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
    this.retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : undefined;
  }
}

function isErrorBody(body: unknown): body is ErrorBody {
  const error = (body as Partial<ErrorBody> | undefined)?.error;
  return typeof error?.code === 'string' && typeof error.message === 'string';
}

/**
 * The body of a successful answer.
 * @throws ApiError for every other
 */
export function dataOf<Data>(result: {
  data?: Data;
  error?: unknown;
  response: Response;
}): NonNullable<Data> {
  if (result.response.ok && result.data !== undefined && result.data !== null) return result.data;
  throw new ApiError(result.response, result.error);
}

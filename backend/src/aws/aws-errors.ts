import { AppError } from '../kernel/errors.ts';

const retryAfterMs = 2_000;

/** Kinesis Video says them with status 400. */
const throttlings = ['ThrottlingException', 'ClientLimitExceededException'];

/** Whether an SDK error has one of these names, e.g. `ResourceNotFoundException`. */
export function isAwsError(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/**
 * What an AWS call that failed means to a feature. Throttling, 5xx and a service that cannot be reached pass by: the
 * caller may try again. All else (denied, invalid) is a mistake of ours or of the deployment and stays as it is, so
 * that it is logged and answered as `internal_error`.
 */
export function translateAwsError(error: unknown): unknown {
  return passes(error) ? new AppError('service_unavailable', { cause: error, retryAfterMs }) : error;
}

function passes(error: unknown): boolean {
  // Nobody waited any longer, or the time that there was is over.
  if (isAwsError(error, 'AbortError', 'TimeoutError')) return true;
  // Every error of a call carries metadata, without a status when no answer came.
  if (!(error instanceof Error) || !('$metadata' in error)) return false;
  const status = statusOf(error.$metadata);
  return status === undefined || status === 429 || status >= 500 || throttlings.includes(error.name);
}

function statusOf(metadata: unknown): number | undefined {
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

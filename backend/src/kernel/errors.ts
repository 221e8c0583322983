import { type ErrorCode, publicMessageOf } from '@aovis/contracts/error-codes';

/** Goes out with the answer: nothing secret. */
export type ErrorDetails = Readonly<Record<string, unknown>> | readonly object[];

export interface AppErrorOptions {
  details?: ErrorDetails;
  /** Goes to the log only. */
  cause?: unknown;
  /** When a repetition may succeed, in milliseconds from now. Marks the error as passing. */
  retryAfterMs?: number;
}

/** A refusal or failure that the caller is told by its code. The message is the code's public sentence. */
export class AppError extends Error {
  override name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(publicMessageOf(code), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }
}

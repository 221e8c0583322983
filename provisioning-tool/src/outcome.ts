import { types } from 'node:util';
import { diskRefusalOf, exitCodes, messageOf, Refusal } from './refusal.ts';

/** How a command ended, for its exit code and for the audit log. */
export interface Outcome {
  exitCode: number;
  /** A sentence; absent when all went well. */
  message?: string;
  /** Present when it is the operator's to mend; else it is a defect of this program. */
  refusal?: Refusal;
  stack?: string[];
}

/** What was thrown, or the reason of `signal` when the operator interrupted. */
export function outcomeOf(error: unknown, signal: AbortSignal): Outcome {
  const reason: unknown = signal.aborted ? signal.reason : error;
  const refusal = reason instanceof Refusal ? reason : diskRefusalOf(reason);
  if (refusal) return { exitCode: refusal.exitCode, message: refusal.message, refusal };
  return {
    exitCode: exitCodes.unexpected,
    message: messageOf(reason),
    stack: types.isNativeError(reason) ? (reason.stack?.split('\n') ?? []) : [],
  };
}

import type { ExecutionState } from './state.ts';

/** Codes of a rejected request (AWS IoT Developer Guide, "Jobs device MQTT and HTTPS APIs and data types", ErrorResponse). */
export type JobErrorCode =
  | 'InvalidJson'
  | 'InvalidRequest'
  | 'InvalidStateTransition'
  | 'ResourceNotFound'
  | 'VersionMismatch'
  | 'TerminalStateReached';

/** A refusal of the jobs service, whichever door the request came in by. */
export class JobError extends Error {
  readonly code: JobErrorCode;
  /** Where the execution stands; with InvalidStateTransition and VersionMismatch. */
  readonly executionState: ExecutionState | undefined;

  constructor(code: JobErrorCode, message: string, executionState?: ExecutionState) {
    super(message);
    this.name = 'JobError';
    this.code = code;
    this.executionState = executionState;
  }
}

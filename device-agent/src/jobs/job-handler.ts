import {
  type JobDocument,
  type JobOperation,
  jobDocumentSchemas,
  type StatusDetails,
} from '@aovis/contracts/jobs';
import type * as z from 'zod';

/** How a job ended. Details end up with the operator: never a secret; what is longer than 1,024 characters is cut. */
export interface JobOutcome {
  status: 'SUCCEEDED' | 'FAILED' | 'REJECTED';
  details: StatusDetails;
}

export interface JobContext {
  readonly jobId: string;
  /** What the service keeps of this job, from before a restart too: what was done can be told by it. */
  readonly details: StatusDetails;
  /** Aborted when the agent stops. */
  readonly signal: AbortSignal;
  /**
   * Puts other details in the place of the last ones and resolves when the service has them, however long the board is
   * offline. `stepTimeoutMinutes`: the service ends the job when nothing else is heard by then.
   * @throws JobEnded
   */
  readonly progress: (details: StatusDetails, options?: { stepTimeoutMinutes?: number }) => Promise<void>;
  /** What the service keeps of it now. @throws JobEnded */
  readonly describe: () => Promise<StatusDetails>;
}

/** The job was ended by somebody else, the agent stops, or another agent carries the job out: leave it at once. */
export class JobEnded extends Error {
  /** The status in the service, undefined when it does not know the job any more or the agent stops. */
  readonly status: string | undefined;

  constructor(status: string | undefined) {
    super('The job has ended.');
    this.name = 'JobEnded';
    this.status = status;
  }
}

/**
 * One operation of a board. It may be begun again at any point, by the same job: after a restart, and when the board's state
 * was lost. What it has done it tells by the job's details or by files of its own.
 */
export interface JobHandler {
  /** Refuses a document that does not fit, before anything is done. */
  prepare(document: unknown): JobOutcome | ((context: JobContext) => Promise<JobOutcome>);
  /**
   * Called once the service has the outcome, or when the job ended without one: then `status` is not the outcome's, and
   * undefined when the service does not know the job. Called again when the agent dies meanwhile.
   */
  settled?(jobId: string, status: string | undefined, signal: AbortSignal): Promise<void>;
  /** Called before another job is begun, or when there is none: what `jobId` is not and was left behind is over. */
  settleOthers?(jobId: string | undefined, signal: AbortSignal): Promise<void>;
}

/** By operation; one without is rejected as unsupported. */
export type JobHandlers = Readonly<Partial<Record<JobOperation, JobHandler>>>;

export const succeeded = (details: StatusDetails = {}): JobOutcome => ({ status: 'SUCCEEDED', details });
export const failed = (code: string, message: string): JobOutcome => withReason('FAILED', code, message);
export const rejected = (code: string, message: string): JobOutcome => withReason('REJECTED', code, message);

function withReason(status: 'FAILED' | 'REJECTED', code: string, message: string): JobOutcome {
  return { status, details: { code, message } };
}

export function jobHandler<Operation extends JobOperation>(
  operation: Operation,
  run: (document: JobDocument<Operation>, context: JobContext) => Promise<JobOutcome>,
  further: Pick<JobHandler, 'settled' | 'settleOthers'> = {},
): JobHandler {
  const schema: z.ZodType = jobDocumentSchemas[operation];
  return {
    ...further,
    prepare: (document) => {
      const parsed = schema.safeParse(document);
      if (parsed.success) return (context) => run(parsed.data as JobDocument<Operation>, context);
      const [issue] = parsed.error.issues;
      const where = ['document', ...(issue?.path ?? [])].join('.');
      return rejected('invalid_document', `${where}: ${issue?.message ?? 'does not fit'}`);
    },
  };
}

import { isJobOperation, type JobOperation, type StatusDetails } from '@aovis/contracts/jobs';
import { howToSet } from '../config.ts';
import { Backoff } from '../host/backoff.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import {
  failed,
  type JobContext,
  JobEnded,
  type JobHandler,
  type JobHandlers,
  type JobOutcome,
  rejected,
} from './job-handler.ts';
import { type JobExecution, type JobsClient, JobsError } from './jobs-client.ts';
import type { KeptOutcome, OutcomeFile } from './outcome-file.ts';

const longestDetail = 1_024;
/** After these the execution is at its end, whatever is sent of it. */
const endedCodes = new Set(['InvalidStateTransition', 'TerminalStateReached', 'ResourceNotFound']);

/** What a board lacks that has no handler for an operation. */
const neededFor: Readonly<Record<JobOperation, string>> = {
  reboot: howToSet('rebootCommand'),
  'upload-logs': howToSet('logsCommand'),
  'update-agent': `${howToSet('updateKey')}, as one file (aovis-agent.cjs)`,
  'rotate-certificate': 'its agent must be updated first',
};

export interface JobRunnerOptions {
  client: JobsClient;
  connection: IotConnection;
  clock: Clock;
  logger: Logger;
  /** Uniform in [0, 1). */
  random: () => number;
  outcomes: OutcomeFile;
  handlers: JobHandlers;
}

/** Carries out the jobs of AWS IoT for this board, one after the other, oldest first. */
export class JobRunner implements Part {
  readonly name = 'jobs';
  readonly #options: JobRunnerOptions;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #started = false;
  #current: string | undefined;
  /** Resolves the wait of the loop; what came while it did not wait is kept in `#news`. */
  #wake = (): void => {};
  #news = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: 5_000, capMs: 300_000, random: options.random });
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const { client, connection } = this.#options;
    client.listen();
    client.onNextChanged(() => this.#tell());
    connection.onConnected(() => this.#tell());
    this.#loop = this.#run();
  }

  /** Leaves what is under way; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#options.client.abandon();
    this.#tell();
    await this.#loop;
  }

  health(): PartHealth {
    return { ok: true, detail: this.#current ?? 'nothing to do' };
  }

  #tell(): void {
    this.#news = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const found = await this.#next().catch((error: unknown) => this.#failed(error));
      if (found === 'busy') continue;
      await this.#untilNews(found === 'failed' ? this.#backoff.next() : undefined);
    }
  }

  #failed(error: unknown): 'failed' {
    const noAnswer = error instanceof JobsError && error.code === 'NoAnswer';
    if (!(error instanceof JobEnded) && this.#options.connection.state === 'connected')
      this.#options.logger[noAnswer ? 'info' : 'warn']({ err: error }, 'Jobs could not be looked for.');
    return 'failed';
  }

  async #untilNews(withinMs: number | undefined): Promise<void> {
    const { clock } = this.#options;
    if (!this.#news)
      await new Promise<void>((resolve) => {
        const cancel = withinMs === undefined ? () => {} : clock.after(withinMs, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    this.#wake = () => {};
    this.#news = false;
  }

  /** One step: the outcome that the service lacks, or the next job. */
  async #next(): Promise<'busy' | 'idle' | 'failed'> {
    const { client, connection, outcomes, handlers } = this.#options;
    if (connection.state !== 'connected') return 'idle';
    const kept = await outcomes.read();
    if (kept !== undefined) {
      await this.#settle(kept);
      return 'busy';
    }
    const execution = await client.startNext();
    this.#backoff.reset();
    for (const handler of Object.values(handlers))
      await handler.settleOthers?.(execution?.jobId, this.#stopping.signal);
    if (execution === undefined) return 'idle';
    return this.#carryOut(execution);
  }

  /** Tells the service how a job ended, then the handler what came of that. */
  async #settle({ job_id, execution_number, operation, status, details }: KeptOutcome): Promise<void> {
    const { client, logger, outcomes } = this.#options;
    const settled = await client
      .update(job_id, { status, statusDetails: fitting(details), executionNumber: execution_number })
      .then(
        () => ({ status }),
        (error: unknown) => ({ status: endOf(error) }),
      );
    if (settled.status !== status)
      logger.warn(
        { jobId: job_id, status: settled.status },
        'A job had ended before the board told its end.',
      );
    await this.#handlerOf(operation)?.settled?.(job_id, settled.status, this.#stopping.signal);
    await outcomes.clear();
  }

  async #carryOut(execution: JobExecution): Promise<'busy' | 'failed'> {
    const { logger, outcomes } = this.#options;
    const { jobId, executionNumber, jobDocument } = execution;
    const operation = operationOf(jobDocument);
    this.#current = `${operation}, job ${jobId}`;
    logger.info({ jobId, operation }, 'A job is carried out.');
    try {
      const { status, details } = await this.#outcomeOf(operation, execution);
      logger.info({ jobId, operation, status, code: details['code'] }, 'A job ended.');
      // On disk first: what was done must not be done again only because nobody was told.
      await outcomes.write({ job_id: jobId, execution_number: executionNumber, operation, status, details });
      return 'busy';
    } catch (error) {
      if (!(error instanceof JobEnded) || this.#stopping.signal.aborted) throw error;
      logger.warn({ jobId, operation, status: error.status }, 'A job was ended by somebody else.');
      await this.#handlerOf(operation)?.settled?.(jobId, error.status, this.#stopping.signal);
      // Not at once: a service that takes no update of what it offers would be asked without end.
      return 'failed';
    } finally {
      this.#current = undefined;
    }
  }

  async #outcomeOf(operation: string, execution: JobExecution): Promise<JobOutcome> {
    const handler = this.#handlerOf(operation);
    if (handler === undefined) {
      const known = isJobOperation(operation);
      return rejected(
        known ? 'unsupported' : 'unknown_operation',
        known
          ? `This board is not set up for ${operation}: ${neededFor[operation]}.`
          : `This board knows no operation ${operation}.`,
      );
    }
    const run = handler.prepare(execution.jobDocument);
    if (typeof run !== 'function') return run;
    try {
      return await run(this.#contextOf(execution));
    } catch (error) {
      if (error instanceof JobEnded || this.#stopping.signal.aborted) throw error;
      this.#options.logger.error({ err: error, operation }, 'A job failed by a defect of the agent.');
      return failed('defect', 'The agent failed at this job; its log says how.');
    }
  }

  #contextOf({ jobId, executionNumber, statusDetails }: JobExecution): JobContext {
    const { client } = this.#options;
    return {
      jobId,
      details: statusDetails,
      signal: this.#stopping.signal,
      progress: (details: StatusDetails, { stepTimeoutMinutes } = {}) =>
        this.#untilAnswered(() =>
          client.update(jobId, {
            status: 'IN_PROGRESS',
            statusDetails: fitting(details),
            executionNumber,
            ...(stepTimeoutMinutes === undefined ? {} : { stepTimeoutInMinutes: stepTimeoutMinutes }),
          }),
        ),
      describe: async () => {
        const execution = await this.#untilAnswered(() => client.describe(jobId, executionNumber));
        return execution?.statusDetails ?? {};
      },
    };
  }

  /** Asks again until the service answers. @throws JobEnded */
  async #untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const answer = await ask();
        this.#backoff.reset();
        return answer;
      } catch (error) {
        if (error instanceof JobsError && endedCodes.has(error.code))
          throw new JobEnded(error.executionStatus);
        this.#failed(error);
        await this.#untilNews(this.#backoff.next());
      }
    }
    throw new JobEnded(undefined);
  }

  #handlerOf(operation: string): JobHandler | undefined {
    const { handlers } = this.#options;
    return isJobOperation(operation) ? handlers[operation] : undefined;
  }
}

/** The execution's end as the service has it, or undefined when it does not know; throws what is worth another try. */
function endOf(error: unknown): string | undefined {
  if (error instanceof JobsError && endedCodes.has(error.code)) return error.executionStatus;
  throw error;
}

/** AWS IoT API reference, DetailsMap: a value has 1 to 1,024 characters, none of them a control character. */
function fitting(details: StatusDetails): StatusDetails {
  const pairs = Object.entries(details).map(([name, value]): [string, string] => [
    name,
    value.replace(/\p{C}+/gu, ' ').slice(0, longestDetail),
  ]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ''));
}

function operationOf(document: unknown): string {
  const operation = (document as { operation?: unknown } | null | undefined)?.operation;
  return typeof operation === 'string' ? operation.slice(0, 64) : 'none';
}

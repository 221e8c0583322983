import { jobsTopicPrefix } from '@aovis/contracts/topics';
import * as z from 'zod';
import type { Clock } from '../host/clock.ts';
import type { IotConnection, IotMessage } from '../iot/iot-connection.ts';

/** A reply that has not come by then will not come: the connection carries it within a round trip. */
const replyTimeoutMs = 20_000;

const detailsSchema = z.record(z.string(), z.string());
const executionSchema = z.object({
  jobId: z.string(),
  status: z.string(),
  statusDetails: detailsSchema.default({}),
  versionNumber: z.int(),
  executionNumber: z.int(),
  jobDocument: z.unknown().optional(),
});
/** A job as this board is to carry it out. */
export type JobExecution = z.infer<typeof executionSchema>;

const stateSchema = z.object({ status: z.string(), statusDetails: detailsSchema.default({}) });
const acceptedSchema = z.object({
  clientToken: z.string(),
  execution: executionSchema.optional(),
});
const rejectedSchema = z.object({
  clientToken: z.string(),
  code: z.string(),
  message: z.string().default(''),
  executionState: stateSchema.optional(),
});

/** Of an update the board may set. */
export type DeviceStatus = 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED';

export interface ExecutionUpdate {
  status: DeviceStatus;
  statusDetails: Readonly<Record<string, string>>;
  executionNumber: number;
  /** 1 to 10,080: the service ends the job when nothing is heard by then. */
  stepTimeoutInMinutes?: number;
}

/** The service said no, or nothing. Codes as in the Developer Guide, "ErrorResponse"; `NoAnswer` is ours. */
export class JobsError extends Error {
  readonly code: string;
  /** Where the execution stands, when the service told. */
  readonly executionStatus: string | undefined;

  constructor(code: string, message: string, executionStatus?: string) {
    super(message);
    this.name = 'JobsError';
    this.code = code;
    this.executionStatus = executionStatus;
  }
}

export interface JobsClientOptions {
  connection: IotConnection;
  clock: Clock;
  thing: string;
  /** A new client token, at most 64 bytes. */
  newToken: () => string;
}

interface PendingRequest {
  resolve: (execution: JobExecution | undefined) => void;
  reject: (error: JobsError) => void;
}

/** AWS IoT Jobs over MQTT: requests answered by client token, and the notice that there is something else to do. */
export class JobsClient {
  readonly #options: JobsClientOptions;
  readonly #prefix: string;
  readonly #pending = new Map<string, PendingRequest>();

  constructor(options: JobsClientOptions) {
    this.#options = options;
    this.#prefix = jobsTopicPrefix(options.thing);
  }

  /** Subscribes to the replies; call once, before the connection starts. */
  listen(): void {
    const { connection } = this.#options;
    for (const request of ['start-next', '+/get', '+/update']) {
      connection.subscribe(`${this.#prefix}/${request}/accepted`, (message) => this.#onAccepted(message));
      connection.subscribe(`${this.#prefix}/${request}/rejected`, (message) => this.#onRejected(message));
    }
    connection.onDisconnected(() =>
      this.#giveUp('The connection was lost before the jobs service answered.'),
    );
  }

  /** Waits for no answer any more: an agent that stops has no time for it. */
  abandon(): void {
    this.#giveUp('The agent is stopping.');
  }

  /** Calls `listener` when what is to be done next is another job, or nothing. */
  onNextChanged(listener: () => void): void {
    this.#options.connection.subscribe(`${this.#prefix}/notify-next`, listener);
  }

  /** Begins the next job, or answers the one that was begun; undefined when there is none. @throws JobsError */
  startNext(): Promise<JobExecution | undefined> {
    return this.#request('start-next', {});
  }

  /** @throws JobsError `TerminalStateReached` when it has ended */
  describe(jobId: string, executionNumber: number): Promise<JobExecution | undefined> {
    return this.#request(`${jobId}/get`, { executionNumber, includeJobDocument: false });
  }

  /** @throws JobsError `InvalidStateTransition` when it has ended */
  async update(jobId: string, update: ExecutionUpdate): Promise<void> {
    await this.#request(`${jobId}/update`, update);
  }

  async #request(operation: string, body: object): Promise<JobExecution | undefined> {
    const { connection, clock, newToken } = this.#options;
    const clientToken = newToken();
    let cancelTimeout = (): void => {};
    try {
      return await new Promise<JobExecution | undefined>((resolve, reject) => {
        this.#pending.set(clientToken, { resolve, reject });
        cancelTimeout = clock.after(replyTimeoutMs, () =>
          reject(new JobsError('NoAnswer', 'The jobs service did not answer in time.')),
        );
        const payload = JSON.stringify({ ...body, clientToken });
        connection
          .publish({ topic: `${this.#prefix}/${operation}`, payload })
          .catch((error: Error) => reject(new JobsError('NoAnswer', error.message)));
      });
    } finally {
      cancelTimeout();
      this.#pending.delete(clientToken);
    }
  }

  #giveUp(reason: string): void {
    for (const { reject } of this.#pending.values()) reject(new JobsError('NoAnswer', reason));
  }

  #onAccepted({ payload }: IotMessage): void {
    const parsed = acceptedSchema.safeParse(parseJson(payload));
    if (parsed.success) this.#pending.get(parsed.data.clientToken)?.resolve(parsed.data.execution);
  }

  #onRejected({ payload }: IotMessage): void {
    const parsed = rejectedSchema.safeParse(parseJson(payload));
    if (!parsed.success) return;
    const { clientToken, code, message, executionState } = parsed.data;
    this.#pending.get(clientToken)?.reject(new JobsError(code, message, executionState?.status));
  }
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}

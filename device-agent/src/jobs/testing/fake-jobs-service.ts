import { jobsTopicPrefix } from '@aovis/contracts/topics';

export type JobStatus =
  | 'QUEUED'
  | 'IN_PROGRESS'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'REJECTED'
  | 'CANCELED'
  | 'TIMED_OUT';

export interface FakeExecution {
  jobId: string;
  document: unknown;
  status: JobStatus;
  statusDetails: Record<string, string>;
  versionNumber: number;
  stepTimeoutInMinutes?: number;
}

export interface Message {
  topic: string;
  payload: string;
}

interface Request {
  clientToken?: string;
  status?: JobStatus;
  statusDetails?: Record<string, string>;
  stepTimeoutInMinutes?: number;
}

const isPending = ({ status }: FakeExecution): boolean => status === 'QUEUED' || status === 'IN_PROGRESS';

/** AWS IoT Jobs for one board, as far as the agent uses it; whoever carries messages calls `answer`. */
export class FakeJobsService {
  readonly executions: FakeExecution[] = [];
  /** Every update that was taken, in order. */
  readonly updates: { jobId: string; status: JobStatus; statusDetails: Record<string, string> }[] = [];
  /** Called before an update is taken. */
  onUpdate: (execution: FakeExecution, request: Request) => void = () => {};
  /** Called after an update was taken. */
  onUpdated: (execution: FakeExecution) => void = () => {};
  readonly #prefix: string;
  /** How a message comes to the board. */
  send: (message: Message) => void;

  constructor(thing: string, send: (message: Message) => void) {
    this.#prefix = jobsTopicPrefix(thing);
    this.send = send;
  }

  add(jobId: string, document: unknown): FakeExecution {
    const execution: FakeExecution = {
      jobId,
      document,
      status: 'QUEUED',
      statusDetails: {},
      versionNumber: 1,
    };
    this.executions.push(execution);
    this.send({ topic: `${this.#prefix}/notify-next`, payload: '{}' });
    return execution;
  }

  find(jobId: string): FakeExecution {
    const execution = this.executions.find((each) => each.jobId === jobId);
    if (execution === undefined) throw new Error(`There is no job ${jobId}`);
    return execution;
  }

  /** By the service itself or an operator. */
  set(jobId: string, change: Partial<FakeExecution>): void {
    const execution = this.find(jobId);
    Object.assign(execution, change, { versionNumber: execution.versionNumber + 1 });
    this.send({ topic: `${this.#prefix}/notify-next`, payload: '{}' });
  }

  /** Answers a request of the board; anything else is ignored. */
  answer({ topic, payload }: Message): void {
    if (!topic.startsWith(`${this.#prefix}/`)) return;
    const request = JSON.parse(payload) as Request;
    const [first = '', operation] = topic.slice(this.#prefix.length + 1).split('/');
    const reply = (suffix: string, body: object): void =>
      this.send({
        topic: `${topic}/${suffix}`,
        payload: JSON.stringify({ ...body, clientToken: request.clientToken, timestamp: 1 }),
      });
    if (first === 'start-next') return reply('accepted', this.#startNext());
    const execution = this.executions.find(({ jobId }) => jobId === first);
    if (execution === undefined)
      return reply('rejected', { code: 'ResourceNotFound', message: 'no such job' });
    const { status, statusDetails, versionNumber } = execution;
    if (!isPending(execution))
      return operation === 'get'
        ? reply('rejected', { code: 'TerminalStateReached', message: status })
        : reply('rejected', {
            code: 'InvalidStateTransition',
            message: status,
            executionState: { status, statusDetails, versionNumber },
          });
    if (operation === 'get') return reply('accepted', { execution: viewOf(execution) });
    this.onUpdate(execution, request);
    this.#update(execution, request);
    reply('accepted', {});
    this.onUpdated(execution);
  }

  #startNext(): object {
    const next =
      this.executions.find(({ status }) => status === 'IN_PROGRESS') ?? this.executions.find(isPending);
    if (next === undefined) return {};
    if (next.status === 'QUEUED') this.#update(next, { status: 'IN_PROGRESS' });
    return { execution: { ...viewOf(next), jobDocument: next.document } };
  }

  #update(execution: FakeExecution, { status, statusDetails, stepTimeoutInMinutes }: Request): void {
    execution.status = status ?? execution.status;
    execution.statusDetails = statusDetails ?? execution.statusDetails;
    execution.versionNumber += 1;
    if (stepTimeoutInMinutes !== undefined) execution.stepTimeoutInMinutes = stepTimeoutInMinutes;
    if (statusDetails !== undefined)
      this.updates.push({ jobId: execution.jobId, status: execution.status, statusDetails });
  }
}

function viewOf({ jobId, status, statusDetails, versionNumber }: FakeExecution) {
  return { jobId, status, statusDetails, versionNumber, executionNumber: 1, queuedAt: 1, lastUpdatedAt: 1 };
}

import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import type { iotjobs, iotshadow } from 'aws-iot-device-sdk-v2';

/** What a `device-sdk-board` process is asked to do. */
export type BoardTask =
  | {
      do: 'connect';
      thingName: string;
      certificatePem: string;
      keyPem: string;
      rootCaPem: string;
      port: number;
    }
  | { do: 'subscribe'; topic: string }
  | { do: 'publish'; topic: string; text: string }
  | { do: 'getShadow'; request: iotshadow.model.GetShadowRequest }
  | { do: 'updateShadow'; request: iotshadow.model.UpdateShadowRequest }
  | { do: 'deleteShadow'; request: iotshadow.model.DeleteShadowRequest }
  | { do: 'getNamedShadow'; request: iotshadow.model.GetNamedShadowRequest }
  | { do: 'updateNamedShadow'; request: iotshadow.model.UpdateNamedShadowRequest }
  | { do: 'pendingJobs'; request: iotjobs.model.GetPendingJobExecutionsRequest }
  | { do: 'startNextJob'; request: iotjobs.model.StartNextPendingJobExecutionRequest }
  | { do: 'describeJob'; request: iotjobs.model.DescribeJobExecutionRequest }
  | { do: 'updateJob'; request: JobUpdate }
  | { do: 'streamJobs'; kind: 'pending' | 'next'; request: { thingName: string } }
  | { do: 'stream'; kind: 'delta' | 'documents'; request: { thingName: string; shadowName: string } };

/** The SDK's enum as text, so that who asks need not load the SDK. */
export type JobUpdate = Omit<iotjobs.model.UpdateJobExecutionRequest, 'status'> & {
  status: `${iotjobs.model.JobStatus}`;
};

/** What it says: the outcome of a task, or something that happened. */
export type BoardReport =
  | { id: number; result: unknown }
  | { id: number; error: { message: string; modeledError: unknown } }
  | { event: BoardEvent; content?: unknown };

type BoardEvent = 'interrupt' | 'message' | 'delta' | 'documents' | 'pending' | 'next';

/** The test's end of a `device-sdk-board` process. */
export class DeviceSdkClient {
  readonly #process: ChildProcess;
  readonly #outcomes = new EventEmitter();
  readonly #events = new EventEmitter();
  #lastId = 0;

  constructor() {
    // The runner's own flags are not for the child.
    this.#process = fork(join(import.meta.dirname, 'device-sdk-board.ts'), { execArgv: [] });
    this.#process.on('message', (report: BoardReport) => {
      if ('event' in report) this.#events.emit(report.event, report.content);
      else this.#outcomes.emit(String(report.id), report);
    });
  }

  /** Resolves with the result; rejects with the service's error under `modeledError`. */
  async perform(task: BoardTask): Promise<unknown> {
    const id = ++this.#lastId;
    const outcome = once(this.#outcomes, String(id));
    this.#process.send({ ...task, id });
    const [report] = (await outcome) as [BoardReport];
    if ('error' in report) throw Object.assign(new Error(report.error.message), report.error);
    return 'result' in report ? report.result : undefined;
  }

  /** The content of the next event of that kind. */
  async next(event: BoardEvent): Promise<unknown> {
    const [content] = (await once(this.#events, event)) as [unknown];
    return content;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }
}

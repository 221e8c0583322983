import type { Message, MessageBus } from '../iot-broker/message.ts';
import type { JobsDataPlane } from './data-plane.ts';
import type { Executions } from './executions.ts';
import { JobError } from './job-error.ts';
import {
  describeSchema,
  getPendingSchema,
  parseRequest,
  startNextSchema,
  tokenOf,
  updateSchema,
} from './requests.ts';
import type { JobsState } from './state.ts';
import { executionView, summaryOf, wholeSeconds } from './views.ts';

/** What the topics need of the broker. */
export interface JobsBus extends MessageBus {
  /** Sends to one client, whatever it has subscribed to. */
  deliver(clientId: string, message: { topic: string; payload: string }): void;
}

const requestTopic =
  /^\$aws\/things\/([a-zA-Z0-9:_-]{1,128})\/jobs\/(?:(get|start-next)|([^/]+)\/(get|update))$/;

/**
 * The MQTT door of the jobs service. Replies go to who asked and to nobody else, subscribed or not; notices are published
 * (AWS IoT Developer Guide, "Jobs device MQTT API operations").
 */
export class JobTopics {
  readonly #plane: JobsDataPlane;
  readonly #state: JobsState;
  readonly #bus: () => JobsBus;

  constructor(plane: JobsDataPlane, state: JobsState, executions: Executions, bus: () => JobsBus) {
    this.#plane = plane;
    this.#state = state;
    this.#bus = bus;
    executions.changes.on('pending', (thingName) => this.#notify(thingName));
    executions.changes.on('next', (thingName) => this.#notifyNext(thingName));
  }

  /** Begins to answer; returns how to stop. */
  open(): () => void {
    return this.#bus().tap((message) => this.#onMessage(message));
  }

  #onMessage({ topic, payload, clientId }: Message): void {
    const [, thingName, ofThing, jobId = '', ofJob] = requestTopic.exec(topic) ?? [];
    if (thingName === undefined || clientId === undefined) return;
    const reply = (suffix: string, body: object, clientToken: string | undefined): void =>
      this.#bus().deliver(clientId, {
        topic: `${topic}/${suffix}`,
        payload: JSON.stringify({
          ...(clientToken === undefined ? {} : { clientToken }),
          ...body,
          timestamp: this.#timestamp(),
        }),
      });
    try {
      reply('accepted', ...this.#answer(thingName, ofThing ?? ofJob ?? '', jobId, payload));
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      const { code, message, executionState } = error;
      const body = { code, message, ...(executionState === undefined ? {} : { executionState }) };
      reply('rejected', body, tokenOf(payload));
    }
  }

  #answer(
    thingName: string,
    operation: string,
    jobId: string,
    payload: Buffer,
  ): [body: object, clientToken: string | undefined] {
    if (operation === 'start-next') {
      const request = parseRequest(startNextSchema, payload);
      return [this.#plane.startNext(thingName, request, 'json'), request.clientToken];
    }
    if (operation === 'update') {
      const request = parseRequest(updateSchema, payload);
      return [this.#plane.update(thingName, jobId, request, 'json'), request.clientToken];
    }
    if (jobId === '') {
      const request = parseRequest(getPendingSchema, payload);
      return [this.#plane.pending(thingName), request.clientToken];
    }
    const request = parseRequest(describeSchema, payload);
    return [this.#plane.describe(thingName, jobId, request, 'json'), request.clientToken];
  }

  #notify(thingName: string): void {
    const pending = this.#state.pendingOf(thingName);
    const jobs = Object.fromEntries(
      (['IN_PROGRESS', 'QUEUED'] as const).flatMap((status) => {
        const found = pending.filter((execution) => execution.status === status).map(summaryOf);
        return found.length === 0 ? [] : [[status, found]];
      }),
    );
    this.#publish(thingName, 'notify', { timestamp: this.#timestamp(), jobs });
  }

  #notifyNext(thingName: string): void {
    const [next] = this.#state.pendingOf(thingName);
    this.#publish(thingName, 'notify-next', {
      timestamp: this.#timestamp(),
      ...(next === undefined ? {} : { execution: executionView(this.#state, next, { document: 'json' }) }),
    });
  }

  #publish(thingName: string, suffix: string, body: object): void {
    this.#bus().publish({
      topic: `$aws/things/${thingName}/jobs/${suffix}`,
      payload: JSON.stringify(body),
      qos: 1,
    });
  }

  #timestamp(): number {
    return wholeSeconds(this.#state.now());
  }
}

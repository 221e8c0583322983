import { shadowTopicPrefix } from '@aovis/contracts/topics';
import * as z from 'zod';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection, IotMessage } from '../iot/iot-connection.ts';
import type { JsonObject } from './state-diff.ts';

/** A reply that has not come by then will not come: the connection carries it within a round trip. */
const replyTimeoutMs = 20_000;

const sectionSchema = z.record(z.string(), z.json());
const documentSchema = z.object({
  state: z.object({ desired: sectionSchema.nullish(), reported: sectionSchema.nullish() }),
  version: z.int(),
  clientToken: z.string().optional(),
});
const deltaSchema = z.object({ state: sectionSchema, version: z.int() });
const rejectionSchema = z.object({
  code: z.int(),
  message: z.string(),
  clientToken: z.string().optional(),
});

export interface ShadowDocument {
  desired: JsonObject;
  reported: JsonObject;
  version: number;
}

export interface ShadowDelta {
  state: JsonObject;
  version: number;
}

/** The service said no; `status` and message as in the Developer Guide, "Device Shadow error messages". */
export class ShadowError extends Error {
  /** HTTP-like code of the service, 0 when no answer came. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ShadowError';
    this.status = status;
  }

  get isVersionConflict(): boolean {
    return this.status === 409;
  }
}

export interface ShadowClientOptions {
  connection: IotConnection;
  clock: Clock;
  logger: Logger;
  thing: string;
  /** Absent for the classic shadow. */
  shadowName?: string;
  /** A new client token, at most 64 bytes. */
  newToken: () => string;
}

interface PendingRequest {
  resolve: (document: ShadowDocument) => void;
  reject: (error: ShadowError) => void;
}

/** One shadow of the board, over MQTT: requests answered by client token, and the deltas that arrive unasked. */
export class ShadowClient {
  readonly #options: ShadowClientOptions;
  readonly #prefix: string;
  readonly #pending = new Map<string, PendingRequest>();
  readonly #desiredListeners: (() => void)[] = [];

  constructor(options: ShadowClientOptions) {
    this.#options = options;
    this.#prefix = shadowTopicPrefix(options.thing, options.shadowName);
  }

  /** Subscribes to the replies; call once, before the connection starts. */
  listen(): void {
    const { connection } = this.#options;
    for (const operation of ['get', 'update']) {
      connection.subscribe(`${this.#prefix}/${operation}/accepted`, (message) => this.#onAccepted(message));
      connection.subscribe(`${this.#prefix}/${operation}/rejected`, (message) => this.#onRejected(message));
    }
    connection.onDisconnected(() => {
      for (const { reject } of this.#pending.values())
        reject(new ShadowError(0, 'The connection was lost before the shadow service answered.'));
    });
  }

  /** Calls `listener` with every difference between desired and reported that the service announces. */
  onDelta(listener: (delta: ShadowDelta) => void): void {
    this.#options.connection.subscribe(`${this.#prefix}/update/delta`, (message) => {
      const delta = deltaSchema.safeParse(parseJson(message.payload));
      if (delta.success) listener(delta.data);
      else
        this.#options.logger.warn({ topic: message.topic }, 'The shadow service sent a delta without state.');
    });
  }

  /** Calls `listener` when somebody else changed the desired state, also when that leaves no difference. */
  onDesiredChanged(listener: () => void): void {
    this.#desiredListeners.push(listener);
  }

  /** Undefined when there is no such shadow yet. */
  async get(): Promise<ShadowDocument | undefined> {
    try {
      return await this.#request('get', {});
    } catch (error) {
      if (error instanceof ShadowError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Answers the new version. With `version`, the service refuses (409) unless it is the current one. */
  async update(reported: JsonObject, version?: number): Promise<number> {
    const body = { state: { reported }, ...(version === undefined ? {} : { version }) };
    return (await this.#request('update', body)).version;
  }

  async #request(operation: 'get' | 'update', body: object): Promise<ShadowDocument> {
    const { connection, clock, newToken } = this.#options;
    const clientToken = newToken();
    let cancelTimeout = (): void => {};
    try {
      return await new Promise<ShadowDocument>((resolve, reject) => {
        this.#pending.set(clientToken, { resolve, reject });
        cancelTimeout = clock.after(replyTimeoutMs, () =>
          reject(new ShadowError(0, `The shadow service did not answer a ${operation} in time.`)),
        );
        const payload = JSON.stringify({ ...body, clientToken });
        connection.publish({ topic: `${this.#prefix}/${operation}`, payload }).catch(reject);
      });
    } finally {
      cancelTimeout();
      this.#pending.delete(clientToken);
    }
  }

  #onAccepted({ topic, payload }: IotMessage): void {
    const parsed = documentSchema.safeParse(parseJson(payload));
    if (!parsed.success) {
      this.#options.logger.warn({ topic }, 'The shadow service sent a reply that is no shadow document.');
      return;
    }
    const { state, version, clientToken = '' } = parsed.data;
    const request = this.#pending.get(clientToken);
    if (request !== undefined)
      request.resolve({ desired: state.desired ?? {}, reported: state.reported ?? {}, version });
    else if (state.desired !== undefined && topic.endsWith('/update/accepted'))
      for (const listener of this.#desiredListeners) listener();
  }

  #onRejected({ payload }: IotMessage): void {
    const parsed = rejectionSchema.safeParse(parseJson(payload));
    if (!parsed.success) return;
    const { code, message, clientToken = '' } = parsed.data;
    this.#pending.get(clientToken)?.reject(new ShadowError(code, message));
  }
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}

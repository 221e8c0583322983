import * as z from 'zod';
import type { PublishOptions } from '../../iot/iot-connection.ts';
import type { FakeIotConnection } from '../../iot/testing/fake-iot-connection.ts';
import { diffState, type JsonObject, mergeState } from '../state-diff.ts';

const sectionSchema = z.record(z.string(), z.json()).nullish();
const requestSchema = z.object({
  state: z.object({ desired: sectionSchema, reported: sectionSchema }).optional(),
  version: z.int().optional(),
  clientToken: z.string().max(64),
});

/** One shadow as the service keeps it: versions, merges, deltas after every update that leaves a difference. */
export class FakeShadowService {
  readonly #connection: FakeIotConnection;
  readonly #prefix: string;
  desired: JsonObject = {};
  reported: JsonObject = {};
  /** 0 while there is no shadow. */
  version = 0;
  /** Bodies of the updates that came in, in order. */
  readonly updates: { reported: JsonObject; version: number | undefined }[] = [];
  gets = 0;
  /** Answers of the next requests instead of the real ones. */
  readonly rejections: { code: number; message: string }[] = [];
  silent = false;
  #deleted = false;

  constructor(connection: FakeIotConnection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
    const others = connection.onPublish;
    connection.onPublish = async (message) => {
      await others(message);
      if (message.topic.startsWith(prefix)) this.#onRequest(message);
    };
  }

  /** Somebody in the cloud sets desired state. */
  desire(patch: JsonObject): void {
    this.desired = mergeState(this.desired, patch);
    this.#deleted = false;
    this.version += 1;
    this.#deliver('update/accepted', { state: { desired: patch }, version: this.version, timestamp: 0 });
    this.#announceDelta();
  }

  /** Somebody else updates the shadow, so that the version the board knows is stale. */
  touch(): void {
    this.version += 1;
  }

  /** Somebody in the cloud deletes the shadow over HTTP, of which boards hear nothing; its version counts on. */
  delete(): void {
    this.desired = {};
    this.reported = {};
    this.#deleted = true;
  }

  #onRequest({ topic, payload }: PublishOptions): void {
    const operation = topic.slice(this.#prefix.length + 1);
    const request = requestSchema.parse(JSON.parse(payload));
    const { clientToken } = request;
    if (operation === 'get') this.gets += 1;
    if (this.silent) return;
    const rejection = this.rejections.shift() ?? this.#objection(operation, request.version);
    if (rejection !== undefined) {
      if (operation === 'update') this.#record(request);
      this.#deliver(`${operation}/rejected`, { ...rejection, clientToken });
    } else if (operation === 'get') this.#deliver('get/accepted', { ...this.#document(), clientToken });
    else this.#update(request);
  }

  #record({ state, version }: z.infer<typeof requestSchema>): void {
    this.updates.push({ reported: state?.reported ?? {}, version });
  }

  #update(request: z.infer<typeof requestSchema>): void {
    const reported = request.state?.reported ?? {};
    this.#record(request);
    this.reported = mergeState(this.reported, reported);
    this.#deleted = false;
    this.version += 1;
    const { version } = this;
    const { clientToken } = request;
    this.#deliver('update/accepted', { state: { reported }, version, timestamp: 0, clientToken });
    this.#announceDelta();
  }

  #objection(operation: string, version: number | undefined): { code: number; message: string } | undefined {
    if (operation === 'get' && (this.version === 0 || this.#deleted))
      return { code: 404, message: 'No shadow exists with name: x' };
    if (operation === 'update' && version !== undefined && version !== this.version)
      return { code: 409, message: 'Version conflict' };
    return undefined;
  }

  #document(): object {
    const { desired, reported, version } = this;
    return { state: { desired, reported }, metadata: {}, version, timestamp: 0 };
  }

  #announceDelta(): void {
    const state = deltaOf(this.desired, this.reported);
    if (state !== undefined) this.#deliver('update/delta', { version: this.version, timestamp: 0, state });
  }

  #deliver(operation: string, payload: object): void {
    this.#connection.deliver(`${this.#prefix}/${operation}`, payload);
  }
}

/** Desired fields that differ from reported ones; fields that are only reported do not count. */
function deltaOf(desired: JsonObject, reported: JsonObject): JsonObject | undefined {
  const difference = diffState(reported, mergeState(reported, desired));
  return difference;
}

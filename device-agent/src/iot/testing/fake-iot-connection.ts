import type { PartHealth } from '../../part.ts';
import { type ConnectionFailure, classifyEnd } from '../connection-failure.ts';
import {
  type ConnectionState,
  type IotConnection,
  type IotMessage,
  PublishError,
  type PublishOptions,
} from '../iot-connection.ts';
import { filterMatches } from '../topic-filter.ts';

/** A connection in memory, for parts that only speak over one: connected and disconnected by hand. */
export class FakeIotConnection implements IotConnection {
  readonly name = 'iot';
  readonly lastFailure: ConnectionFailure | undefined;
  state: ConnectionState = 'connecting';
  readonly published: PublishOptions[] = [];
  /** Called with every publish that is let through; what it throws the publish rejects with. */
  onPublish: (message: PublishOptions) => void | Promise<void> = () => {};
  readonly #handlers: [filter: string, handler: (message: IotMessage) => void][] = [];
  readonly #connected: (() => void)[] = [];
  readonly #disconnected: ((failure: ConnectionFailure) => void)[] = [];

  connect(): void {
    this.state = 'connected';
    for (const listener of this.#connected) listener();
  }

  disconnect(): void {
    this.state = 'waiting';
    const end = { host: 'cloud', port: 8883, clientId: 'board', secured: true, accepted: true };
    const failure = classifyEnd({ ...end, pendingFilters: [], pendingTopics: [] });
    for (const listener of this.#disconnected) listener(failure);
  }

  /** As if the cloud had published it. */
  deliver(topic: string, payload: unknown): void {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    for (const [filter, handler] of this.#handlers)
      if (filterMatches(filter, topic)) handler({ topic, payload: Buffer.from(text) });
  }

  get filters(): string[] {
    return [...new Set(this.#handlers.map(([filter]) => filter))];
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  health(): PartHealth {
    return { ok: this.state === 'connected', detail: this.state };
  }

  subscribe(filter: string, handler: (message: IotMessage) => void): void {
    this.#handlers.push([filter, handler]);
  }

  async publish(message: PublishOptions): Promise<void> {
    if (this.state !== 'connected') throw new PublishError('not-connected', 'There is no connection.');
    await this.onPublish(message);
    this.published.push(message);
  }

  onConnected(listener: () => void): void {
    this.#connected.push(listener);
  }

  onDisconnected(listener: (failure: ConnectionFailure) => void): void {
    this.#disconnected.push(listener);
  }
}

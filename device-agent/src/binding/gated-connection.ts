import type { ConnectionFailure } from '../iot/connection-failure.ts';
import {
  type ConnectionState,
  type IotConnection,
  type IotMessage,
  PublishError,
  type PublishOptions,
} from '../iot/iot-connection.ts';
import type { PartHealth } from '../part.ts';

/**
 * The board's connection as those see it who send what was kept: it counts as connected only once the board knows whose it
 * is. A board that was away must not hand a former owner's messages to the next one. Starting and stopping are the
 * connection's own.
 */
export class GatedConnection implements IotConnection {
  readonly #connection: IotConnection;
  readonly #connected: (() => void)[] = [];
  #open = false;

  constructor(connection: IotConnection) {
    this.#connection = connection;
    connection.onDisconnected(() => {
      this.#open = false;
    });
  }

  /** The board knows whose it is, on the connection that stands. */
  open(): void {
    if (this.#open || this.#connection.state !== 'connected') return;
    this.#open = true;
    for (const listener of this.#connected) listener();
  }

  get name(): string {
    return this.#connection.name;
  }

  get state(): ConnectionState {
    const { state } = this.#connection;
    return state === 'connected' && !this.#open ? 'connecting' : state;
  }

  get lastFailure(): ConnectionFailure | undefined {
    return this.#connection.lastFailure;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#connection.start(signal);
  }

  stop(): Promise<void> {
    return this.#connection.stop();
  }

  health(): PartHealth {
    return this.#connection.health();
  }

  subscribe(filter: string, handler: (message: IotMessage) => void): void {
    this.#connection.subscribe(filter, handler);
  }

  publish(message: PublishOptions): Promise<void> {
    if (this.state === 'connected') return this.#connection.publish(message);
    return Promise.reject(new PublishError('not-connected', 'The board does not know yet whose it is.'));
  }

  onConnected(listener: () => void): void {
    this.#connected.push(listener);
  }

  onDisconnected(listener: (failure: ConnectionFailure) => void): void {
    this.#connection.onDisconnected(listener);
  }
}

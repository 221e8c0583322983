import type { Part } from '../part.ts';
import type { ConnectionFailure } from './connection-failure.ts';

export interface IotMessage {
  topic: string;
  payload: Buffer;
}

export interface PublishOptions {
  topic: string;
  /** At most 128 KB. */
  payload: string;
}

/** Names what went wrong with a publish; what it carried must be published again later. */
export class PublishError extends Error {
  readonly code: 'not-connected' | 'forbidden' | 'stopped';

  constructor(code: PublishError['code'], message: string) {
    super(message);
    this.name = 'PublishError';
    this.code = code;
  }
}

export type ConnectionState = 'stopped' | 'connecting' | 'connected' | 'waiting';

/** What a driver is given; the same for every driver. */
export interface IotEndpoint {
  host: string;
  port: number;
  /** Thing name and MQTT client id. */
  clientId: string;
  /** PEM. */
  certificate: string;
  privateKey: string;
  rootCa: string;
  keepAliveSeconds: number;
  /** Whether to offer AWS IoT Core's ALPN protocol; without a word on port 443 only. */
  alpn?: boolean;
  /** Published by the broker when the connection ends without a DISCONNECT. */
  will: PublishOptions;
}

/**
 * The board's MQTT connection to AWS IoT Core: one persistent session, held open for as long as the part runs.
 * `start` begins connecting and resolves at once; every end of a connection is classified and followed by another
 * attempt after a back-off.
 */
export interface IotConnection extends Part {
  readonly state: ConnectionState;
  /** Why there is no connection; undefined while there is one. */
  readonly lastFailure: ConnectionFailure | undefined;

  /**
   * Calls `handler` for every message on the filter, now and after every reconnect. Filters registered before `start`
   * are in place before `connected` fires, so that no message of a resumed session finds nobody listening.
   */
  subscribe(filter: string, handler: (message: IotMessage) => void): void;

  /**
   * Publishes with QoS 1; resolves when the broker acknowledged. A connection that drops meanwhile does not lose the
   * message: it is sent again on the next one. Rejects with `PublishError`.
   */
  publish(message: PublishOptions): Promise<void>;

  /** All subscriptions are in place. Called at every (re)connect. */
  onConnected(listener: () => void): void;
  /** A connection that had been established is gone. */
  onDisconnected(listener: (failure: ConnectionFailure) => void): void;
}

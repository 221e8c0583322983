import type { IotEndpoint, IotMessage, PublishOptions } from './iot-connection.ts';

/** `mqtt`: mqtt.js, on every architecture. `aws-crt`: aws-iot-device-sdk-v2, where its native part has a build. */
export const mqttDrivers = ['mqtt', 'aws-crt'] as const;
export type MqttDriver = (typeof mqttDrivers)[number];

/** How a connection, or the attempt at one, came to its end. */
export interface LinkEnd {
  /** The first error that was met, if any; `code` as Node.js names it, or the CONNACK's return code, a number. */
  error?: Error;
  /** The TLS handshake was complete on our side. */
  secured: boolean;
}

export interface LinkEvents {
  onMessage(message: IotMessage): void;
  /** Called once, whoever ended it; after it nothing more happens. */
  onEnd(end: LinkEnd): void;
}

/**
 * One attempt at a connection and the connection that comes of it: what a driver has to do. Back-off, subscriptions,
 * resending and the reason of an end are `MqttConnection`'s.
 */
export interface MqttLink {
  /** Resolves when the broker has accepted the CONNECT; when it rejects `onEnd` follows. */
  open(): Promise<{ sessionPresent: boolean }>;
  /** QoS 1; resolves when the broker granted all of them, at most 8. Rejects when it did not, or the connection ended. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** QoS 1; resolves at the PUBACK. Rejects when the connection ended before. */
  publish(message: PublishOptions): Promise<void>;
  /** Says DISCONNECT; resolves when the connection is gone, after two seconds at the latest. */
  close(): Promise<void>;
  /** Ends the connection at once, for `error`. */
  abort(error?: Error): void;
}

export type OpenLink = (endpoint: IotEndpoint, events: LinkEvents) => MqttLink;

/** How long `close` waits for acknowledgements and for the broker's part of the goodbye. */
export const goodbyeMs = 2_000;
/** Wait for CONNACK; a TLS handshake over 2G takes seconds. */
export const connectTimeoutMs = 30_000;

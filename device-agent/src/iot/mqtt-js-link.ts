import { connect as connectTls } from 'node:tls';
import { MqttClient } from 'mqtt';
import type { IotEndpoint, PublishOptions } from './iot-connection.ts';
import { connectTimeoutMs, goodbyeMs, type LinkEvents, type MqttLink } from './mqtt-link.ts';
import { tlsOptions } from './tls-options.ts';

/** A link by mqtt.js: pure JavaScript, so that it runs on every architecture. */
export const openMqttJsLink = (endpoint: IotEndpoint, events: LinkEvents): MqttLink =>
  new MqttJsLink(endpoint, events);

class MqttJsLink implements MqttLink {
  readonly #client: MqttClient;
  #secured = false;
  #error: Error | undefined;

  constructor(endpoint: IotEndpoint, events: LinkEvents) {
    const { clientId, keepAliveSeconds, will } = endpoint;
    const client = new MqttClient(() => this.#openSocket(endpoint), {
      clientId,
      clean: false,
      protocolVersion: 4,
      keepalive: keepAliveSeconds,
      connectTimeout: connectTimeoutMs,
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: false },
      reconnectPeriod: 0,
      resubscribe: false,
      manualConnect: true,
    });
    client.on('message', (topic, payload) => events.onMessage({ topic, payload }));
    client.on('error', (error) => this.#note(error));
    client.once('close', () => {
      // Without this it would keep what was not acknowledged, and its timers.
      client.end(true);
      events.onEnd({ ...(this.#error === undefined ? {} : { error: this.#error }), secured: this.#secured });
    });
    this.#client = client;
  }

  open(): Promise<{ sessionPresent: boolean }> {
    return new Promise((resolve, reject) => {
      this.#client.once('connect', ({ sessionPresent }) => resolve({ sessionPresent }));
      this.#client.once('close', () => reject(this.#error ?? new Error('The connection was closed.')));
      this.#client.connect();
    });
  }

  async subscribe(filters: readonly string[]): Promise<void> {
    await this.#client.subscribeAsync([...filters], { qos: 1 });
  }

  async publish({ topic, payload }: PublishOptions): Promise<void> {
    await this.#client.publishAsync(topic, payload, { qos: 1 });
  }

  async close(): Promise<void> {
    const client = this.#client;
    const { stream } = client;
    if (stream === undefined || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(() => stream.destroy(), goodbyeMs);
      stream.once('close', () => {
        clearTimeout(giveUp);
        resolve();
      });
      if (client.connected) client.end(false);
      else stream.destroy();
    });
  }

  abort(error?: Error): void {
    if (error !== undefined) this.#note(error);
    this.#client.stream.destroy();
  }

  #note(error: Error): void {
    this.#error ??= error;
  }

  #openSocket(endpoint: IotEndpoint): ReturnType<typeof connectTls> {
    const socket = connectTls(tlsOptions(endpoint));
    socket.once('secureConnect', () => {
      this.#secured = true;
    });
    return socket;
  }
}

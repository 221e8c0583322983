import type { io as awsIo, mqtt as awsMqtt, CrtError } from 'aws-iot-device-sdk-v2';
import type { IotEndpoint, PublishOptions } from './iot-connection.ts';
import { connectTimeoutMs, goodbyeMs, type LinkEnd, type LinkEvents, type MqttLink } from './mqtt-link.ts';
import { diagnoseTls } from './tls-diagnosis.ts';
import { alpnProtocols } from './tls-options.ts';

/** As much of aws-iot-device-sdk-v2 as is used. */
export interface AwsSdk {
  io: typeof awsIo;
  mqtt: typeof awsMqtt;
}

/** How long a handshake may take before it is asked whether it can succeed at all. */
const diagnoseAfterMs = 3_000;
/** After an interruption the runtime connects again by itself unless it is told to disconnect within this time. */
const ownReconnectSeconds = 1;
/** SUBACK: the broker does not grant the filter ([MQTT-3.9.3-2]). */
const refusedQos = 0x80;
/** The runtime's name for a CONNACK that refuses; it does not tell with which of the return codes. */
const connackRefusal = 'AWS_ERROR_MQTT_PROTOCOL_ERROR';
/** CONNACK: not authorized ([MQTT-3.2.2.3]), the likely one. */
const notAuthorized = 5;

/**
 * The runtime's name for a connection that ended without TLS's close_notify: the network broke it. What a broker ends
 * (AWS IoT Core does so for a client id that is taken over, and for topics that a policy forbids) is called
 * AWS_ERROR_MQTT_UNEXPECTED_HANGUP.
 */
const brokenConnection = 'AWS_IO_SOCKET_CLOSED';

/** The runtime's names for what Node.js calls otherwise. */
const nodeCodes: Record<string, string> = {
  AWS_IO_DNS_INVALID_NAME: 'ENOTFOUND',
  AWS_IO_DNS_NO_ADDRESS_FOR_HOST: 'ENOTFOUND',
  AWS_IO_DNS_QUERY_FAILED: 'EAI_AGAIN',
  AWS_IO_DNS_QUERY_AGAIN: 'EAI_AGAIN',
  AWS_IO_SOCKET_CONNECTION_REFUSED: 'ECONNREFUSED',
  AWS_IO_SOCKET_NO_ROUTE_TO_HOST: 'EHOSTUNREACH',
  AWS_IO_SOCKET_NETWORK_DOWN: 'ENETDOWN',
  AWS_IO_SOCKET_TIMEOUT: 'ETIMEDOUT',
  AWS_ERROR_MQTT_TIMEOUT: 'ETIMEDOUT',
};

/** A link by AWS's Common Runtime: TLS and MQTT in native code, off the event loop. */
export class AwsCrtLink implements MqttLink {
  readonly #sdk: AwsSdk;
  readonly #endpoint: IotEndpoint;
  readonly #events: LinkEvents;
  readonly #connection: awsMqtt.MqttClientConnection;
  readonly #unacknowledged = new Set<Promise<unknown>>();
  /** The broker accepted the CONNECT, and the connection was not interrupted since. */
  #connected = false;
  #ended = false;
  /** Why the runtime says that it did not connect. */
  #failure: CrtError | undefined;
  #rejectOpening: (error: Error) => void = () => {};
  #timers: NodeJS.Timeout[] = [];

  constructor(sdk: AwsSdk, endpoint: IotEndpoint, events: LinkEvents) {
    this.#sdk = sdk;
    this.#endpoint = endpoint;
    this.#events = events;
    const connection = new sdk.mqtt.MqttClient().new_connection(connectionConfig(sdk, endpoint));
    connection.on('message', (topic, payload) => {
      if (!this.#ended) events.onMessage({ topic, payload: Buffer.from(payload) });
    });
    connection.on('connection_failure', ({ error }) => {
      this.#failure = error as CrtError;
    });
    connection.on('interrupt', (error) => this.#onInterrupted(error as CrtError));
    // The runtime holds back all events until somebody listens to this one.
    connection.on('connect', () => {});
    this.#connection = connection;
  }

  open(): Promise<{ sessionPresent: boolean }> {
    return new Promise((resolve, reject) => {
      this.#rejectOpening = reject;
      this.#timers = [
        setTimeout(() => void this.#diagnose(), diagnoseAfterMs),
        setTimeout(() => this.#end({ error: timedOut(), secured: false }), connectTimeoutMs),
      ];
      this.#connection.connect().then(
        (sessionPresent) => {
          // The runtime cannot be stopped while it connects; one that was given up meanwhile ends now.
          if (this.#ended) return this.#disconnect();
          this.#connected = true;
          this.#clearTimers();
          resolve({ sessionPresent });
        },
        (reason: unknown) => this.#explain(reason).then((end) => this.#end(end)),
      );
    });
  }

  async subscribe(filters: readonly string[]): Promise<void> {
    for (const filter of filters) {
      const { qos } = await this.#connection.subscribe(filter, this.#sdk.mqtt.QoS.AtLeastOnce);
      if (Number(qos) === refusedQos) throw new Error(`The broker does not grant ${filter}.`);
    }
  }

  async publish({ topic, payload }: PublishOptions): Promise<void> {
    const publishing = this.#connection.publish(topic, payload, this.#sdk.mqtt.QoS.AtLeastOnce);
    this.#unacknowledged.add(publishing);
    try {
      await publishing;
    } finally {
      this.#unacknowledged.delete(publishing);
    }
  }

  async close(): Promise<void> {
    if (this.#connected) await withinMs(goodbyeMs, this.#sayGoodbye());
    this.#end({ secured: true });
  }

  abort(error?: Error): void {
    if (this.#connected) this.#disconnect();
    this.#end({ ...(error === undefined ? {} : { error }), secured: true });
  }

  async #sayGoodbye(): Promise<void> {
    await Promise.allSettled(this.#unacknowledged);
    await this.#connection.disconnect();
  }

  #onInterrupted(error: CrtError): void {
    this.#disconnect();
    const broken = error.error_name === brokenConnection;
    const known = broken
      ? Object.assign(new Error(error.message), { code: 'ECONNRESET' })
      : inNodeTerms(error);
    this.#end({ ...(known === undefined ? {} : { error: known }), secured: true });
  }

  #disconnect(): void {
    this.#connected = false;
    this.#connection.disconnect().catch(() => {
      // Not connected: nothing to end.
    });
  }

  /** Ends a handshake that cannot succeed, long before the runtime says so. */
  async #diagnose(): Promise<void> {
    const end = await diagnoseTls(this.#endpoint);
    if (end.error !== undefined && !this.#connected) this.#end(end);
  }

  async #explain(reason: unknown): Promise<LinkEnd> {
    const known = inNodeTerms(this.#failure);
    if (known !== undefined) return { error: known, secured: false };
    if (this.#failure?.error_name !== connackRefusal) return diagnoseTls(this.#endpoint);
    return { error: Object.assign(new Error(String(reason)), { code: notAuthorized }), secured: true };
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#clearTimers();
    this.#rejectOpening(end.error ?? new Error('The connection was closed.'));
    this.#events.onEnd(end);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

function connectionConfig({ io }: AwsSdk, endpoint: IotEndpoint): awsMqtt.MqttConnectionConfig {
  const { host, port, clientId, certificate, privateKey, rootCa, keepAliveSeconds, will } = endpoint;
  const tls = io.TlsContextOptions.create_client_with_mtls(certificate, privateKey);
  tls.override_default_trust_store(rootCa);
  tls.min_tls_version = io.TlsVersion.TLSv1_2;
  tls.alpn_list = alpnProtocols(endpoint);
  return {
    client_id: clientId,
    host_name: host,
    port,
    clean_session: false,
    keep_alive: keepAliveSeconds,
    // Has to be shorter than the keep-alive.
    ping_timeout: Math.min(10_000, keepAliveSeconds * 500),
    protocol_operation_timeout: 0,
    reconnect_min_sec: ownReconnectSeconds,
    reconnect_max_sec: ownReconnectSeconds,
    socket_options: new io.SocketOptions(io.SocketType.STREAM, io.SocketDomain.IPV4, connectTimeoutMs),
    tls_ctx: new io.ClientTlsContext(tls),
    // It would put the SDK's version into the user name.
    disable_metrics: true,
    will: { topic: will.topic, payload: will.payload, qos: 1, retain: false },
  };
}

/** What the runtime reports as Node.js would have; undefined for what has no name there, as a connection that is closed. */
function inNodeTerms(error: CrtError | undefined): Error | undefined {
  const code = nodeCodes[error?.error_name ?? ''];
  return error !== undefined && code !== undefined
    ? Object.assign(new Error(error.message), { code })
    : undefined;
}

const timedOut = (): Error => Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' });

/** Resolves with the promise, however that ends, or after `ms`. */
async function withinMs(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => {}), limit]);
  clearTimeout(timer);
}

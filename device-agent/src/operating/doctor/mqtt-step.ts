import { connect } from 'node:tls';
import { classifyEnd } from '../../iot/connection-failure.ts';
import type { IotEndpoint } from '../../iot/iot-connection.ts';
import { tlsOptions } from '../../iot/tls-options.ts';
import type { AgentStatus } from '../../status/agent-status.ts';
import { Finding, type Learned } from './examination.ts';
import { connectPacket, type Packet, packetTypes, subscribePacket, takePacket } from './mqtt-packets.ts';

const timeoutMs = 15_000;
/** AWS IoT Core takes so many filters in one SUBSCRIBE (quotas, "Message broker"). */
const filtersAtOnce = 8;

/** What CONNACK's return codes mean [MQTT-3.2.2-4 and table 3.1]. */
const connackReasons: Record<number, string> = {
  1: 'it does not speak MQTT 3.1.1',
  2: 'it does not take the client id',
  3: 'the service is not available',
  4: 'it asks for a user name',
  5: 'not authorized',
};

/**
 * Connects as the board does and asks for its subscriptions. What a session has waiting is left unread, so that the
 * agent gets it. While the agent itself is connected nothing is tried: two clients of one id drive each other out.
 */
export async function lookAtMqtt(
  endpoint: IotEndpoint,
  filters: readonly string[],
  running: AgentStatus | undefined,
): Promise<Learned<void>> {
  if (running?.connection.state === 'connected')
    return { value: undefined, detail: `the agent that runs (process ${running.pid}) is connected` };
  await new MqttProbe(endpoint, filters).run();
  return {
    value: undefined,
    detail: `accepted as ${endpoint.clientId}, with its ${filters.length} subscriptions`,
  };
}

class MqttProbe {
  readonly #endpoint: IotEndpoint;
  readonly #filters: readonly string[];
  #secured = false;
  #accepted = false;
  #error: Error | undefined;
  /** How many filters have been answered. */
  #granted = 0;
  #refused: string[] = [];

  constructor(endpoint: IotEndpoint, filters: readonly string[]) {
    this.#endpoint = endpoint;
    this.#filters = filters;
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { clientId, keepAliveSeconds } = this.#endpoint;
      const socket = connect(tlsOptions(this.#endpoint));
      let received: Buffer = Buffer.alloc(0);
      const timer = setTimeout(
        () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
        timeoutMs,
      );
      socket.once('secureConnect', () => {
        this.#secured = true;
        socket.write(connectPacket(clientId, keepAliveSeconds));
      });
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        try {
          for (let taken = takePacket(received); taken !== undefined; taken = takePacket(received)) {
            received = taken.rest;
            const answer = this.#answer(taken.packet);
            if (answer === 'done') socket.destroy();
            else if (answer !== undefined) socket.write(answer);
          }
        } catch (error) {
          socket.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
      socket.on('error', (error) => {
        this.#error ??= error;
      });
      socket.once('close', () => {
        clearTimeout(timer);
        const finding = this.#finding();
        if (finding === undefined) resolve();
        else reject(finding);
      });
    });
  }

  #answer({ type, body }: Packet): Buffer | 'done' | undefined {
    if (type === packetTypes.connack) {
      const code = body[1] ?? 0;
      if (code !== 0) throw Object.assign(new Error(connackReasons[code] ?? `code ${code}`), { code });
      this.#accepted = true;
      return this.#next();
    }
    if (type !== packetTypes.suback) return undefined;
    const asked = this.#filters.slice(this.#granted, this.#granted + filtersAtOnce);
    this.#refused.push(...asked.filter((_, index) => (body[index + 2] ?? refusedCode) === refusedCode));
    this.#granted += asked.length;
    return this.#next();
  }

  #next(): Buffer | 'done' {
    const batch = this.#filters.slice(this.#granted, this.#granted + filtersAtOnce);
    return batch.length === 0 ? 'done' : subscribePacket(this.#granted + 1, batch);
  }

  #finding(): Finding | undefined {
    const unanswered = this.#filters.slice(this.#granted, this.#granted + filtersAtOnce);
    if (this.#accepted && unanswered.length === 0) {
      const [refused] = this.#refused;
      if (refused === undefined) return undefined;
      return new Finding(
        `${this.#endpoint.host} does not let this board subscribe to ${this.#refused.join(', ')}: allow iot:Subscribe ` +
          "and iot:Receive on them in the IoT policy of the board's certificate.",
      );
    }
    const { sentence } = classifyEnd({
      ...this.#endpoint,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      secured: this.#secured,
      accepted: this.#accepted,
      pendingFilters: this.#accepted ? unanswered : [],
      pendingTopics: [],
    });
    return new Finding(sentence);
  }
}

/** SUBACK's word for a filter that is not granted [MQTT-3.9.3]. */
const refusedCode = 0x80;

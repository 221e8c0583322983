import type { ConnectPacket, PublishPacket } from 'aedes';
import type { Registry } from '../iot-core/registry.ts';
import type { Environment } from '../kernel/service.ts';
import { Authority } from './authority.ts';
import type { Admission, Connection } from './connection.ts';
import { connectionVariables } from './connection-variables.ts';
import type { DisconnectReason } from './presence.ts';
import {
  brokerLimits,
  faultOfClientId,
  faultOfFilter,
  faultOfTopic,
  isReserved,
  mayClientPublish,
} from './topic-rules.ts';

/** Why a client may not do what it asked for, and how its connection ends for it. */
export interface Refusal {
  /** For the log. */
  message: string;
  reason: DisconnectReason;
  /** Return code of the CONNACK where one is sent [MQTT-3.2.2.3]. */
  returnCode: 2 | 5;
}

const clientError = (message: string): Refusal => ({ message, reason: 'CLIENT_ERROR', returnCode: 2 });
const authError = (message: string): Refusal => ({ message, reason: 'AUTH_ERROR', returnCode: 5 });

export interface KeepAliveRange {
  minSeconds: number;
  maxSeconds: number;
}

/**
 * Decides what clients may do: certificate status, policies, reserved topics and limits. With MQTT 3.1.1 every refusal
 * closes the connection, as AWS does.
 */
export class Gatekeeper {
  readonly #environment: Pick<Environment, 'region' | 'accountId' | 'clock'>;
  readonly #registry: Registry;
  readonly #keepAlive: KeepAliveRange;

  constructor(
    environment: Pick<Environment, 'region' | 'accountId' | 'clock'>,
    registry: Registry,
    keepAlive: KeepAliveRange,
  ) {
    this.#environment = environment;
    this.#registry = registry;
    this.#keepAlive = keepAlive;
  }

  /** Judges a CONNECT. */
  admit(connection: Connection, packet: ConnectPacket): Admission | Refusal {
    const { clientId, will } = packet;
    const fault = faultOfClientId(clientId);
    if (fault !== undefined) return clientError(fault);
    const willFault = will && (will.qos === 2 ? 'QoS 2 is not supported' : faultOfTopic(will.topic));
    if (willFault !== undefined) return clientError(`last will: ${willFault}`);
    if (this.#registry.findCertificate(connection.certificateId)?.status !== 'ACTIVE') {
      return authError('the certificate is not ACTIVE');
    }
    const clean = packet.clean ?? true;
    const authority = this.authorityOf(connection, clientId);
    const connectAttributes = [...(clean ? [] : ['PersistentConnect']), ...(will ? ['LastWill'] : [])];
    if (!authority.allowsConnect(clientId, connectAttributes)) {
      return authError(`no policy allows iot:Connect on client/${clientId}`);
    }
    return {
      clientId,
      authority,
      clean,
      connectAttributes,
      keepAliveSeconds: this.#clampKeepAlive(packet.keepalive ?? 0),
      willAllowed:
        will !== undefined && this.#refusalOfTopic(authority, will.topic, will.retain === true) === undefined,
    };
  }

  /** The connection's permissions as the registry has them now. */
  authorityOf(connection: Connection, clientId: string): Authority {
    const { region, accountId } = this.#environment;
    const { certificateId, sourceIp } = connection;
    return new Authority(
      this.#registry.policiesOf(certificateId),
      connectionVariables(this.#registry, {
        certificateVariables: connection.certificateVariables,
        certificateId,
        clientId,
        sourceIp,
      }),
      `arn:aws:iot:${region}:${accountId}:`,
    );
  }

  /** Judges a PUBLISH; undefined when it may pass. */
  refusalOfPublish({ authority }: Admission, packet: PublishPacket): Refusal | undefined {
    if (packet.payload.length > brokerLimits.payloadBytes) {
      return clientError(`the payload is larger than ${brokerLimits.payloadBytes} bytes`);
    }
    return this.#refusalOfTopic(authority, packet.topic, packet.retain);
  }

  /** Judges a SUBSCRIBE as a whole; `subscribed` are the filters the client has. */
  refusalOfSubscribe(
    { authority }: Admission,
    filters: readonly string[],
    subscribed: Readonly<Record<string, unknown>>,
  ): Refusal | undefined {
    const { filtersPerSubscribe, subscriptionsPerConnection } = brokerLimits;
    if (filters.length > filtersPerSubscribe) {
      return clientError(`a SUBSCRIBE holds more than ${filtersPerSubscribe} topic filters`);
    }
    const added = filters.filter((filter) => !Object.hasOwn(subscribed, filter));
    if (Object.keys(subscribed).length + added.length > subscriptionsPerConnection) {
      return clientError(`a connection has more than ${subscriptionsPerConnection} subscriptions`);
    }
    for (const filter of filters) {
      const fault = faultOfFilter(filter);
      if (fault !== undefined) return clientError(fault);
      if (!authority.allows('iot:Subscribe', `topicfilter/${filter}`)) {
        return authError(`no policy allows iot:Subscribe on topicfilter/${filter}`);
      }
    }
    return undefined;
  }

  #refusalOfTopic(authority: Authority, topic: string, retain: boolean): Refusal | undefined {
    const fault = faultOfTopic(topic);
    if (fault !== undefined) return clientError(fault);
    if (!mayClientPublish(topic)) return authError(`${topic} is reserved for AWS IoT`);
    if (retain && isReserved(topic)) return clientError(`RETAIN is not allowed on the reserved ${topic}`);
    if (!authority.allows('iot:Publish', `topic/${topic}`)) {
      return authError(`no policy allows iot:Publish on topic/${topic}`);
    }
    if (retain && !authority.allows('iot:RetainPublish', `topic/${topic}`)) {
      return authError(`no policy allows iot:RetainPublish on topic/${topic}`);
    }
    return undefined;
  }

  /** 0 and everything above the range become the longest, as AWS has it. */
  #clampKeepAlive(seconds: number): number {
    const { minSeconds, maxSeconds } = this.#keepAlive;
    return seconds === 0 ? maxSeconds : Math.min(Math.max(seconds, minSeconds), maxSeconds);
  }
}

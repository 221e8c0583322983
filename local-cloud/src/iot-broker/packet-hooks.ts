import type { AedesPublishPacket, Client, PublishPacket } from 'aedes';
import { asEngineClient, type EngineClient, type EngineHooks } from './aedes-engine.ts';
import { type BrokerParts, logRefusal } from './broker-parts.ts';
import type { Connection } from './connection.ts';
import type { Refusal } from './gatekeeper.ts';
import type { Message } from './message.ts';

export interface SubscribePacket {
  cmd: 'subscribe';
  messageId?: number;
  subscriptions: { topic: string; qos: number }[];
}

/** What aedes asks about the packets of a connection that stands: PUBLISH, SUBSCRIBE and deliveries. */
export class PacketHooks {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  asOptions(): Pick<EngineHooks, 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'> {
    return {
      authorizePublish: (client, packet, done) => this.#authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => {
        // A new SUBSCRIBE was examined before; this one may be a stored subscription that policies no longer allow.
        const authority = this.#parts.connections.find(client)?.admission?.authority;
        const allowed = authority?.allows('iot:Subscribe', `topicfilter/${subscription.topic}`) === true;
        done(null, allowed ? subscription : null);
      },
      authorizeForward: (client, packet) => this.#authorizeForward(asEngineClient(client), packet),
    };
  }

  /** Ends the connection for a SUBSCRIBE that may not be; makes one with QoS 2 subscribe and acknowledge nothing. */
  examineSubscribe(connection: Connection, packet: SubscribePacket): void {
    const { admission, client } = connection;
    if (admission === undefined) return;
    const filters = packet.subscriptions.map(({ topic }) => topic);
    const refusal = this.#parts.gatekeeper.refusalOfSubscribe(admission, filters, client.subscriptions);
    const qos2 = packet.subscriptions.some(({ qos }) => qos === 2);
    if (refusal !== undefined || qos2) {
      packet.subscriptions = [];
      delete packet.messageId;
    }
    if (refusal !== undefined) {
      logRefusal(this.#parts.environment, connection, refusal);
      connection.endsWith(refusal.reason);
      // Not at once: aedes is about to take this very packet, and does not expect its client to be closed.
      setImmediate(() => connection.end(refusal.reason));
    }
  }

  #authorizePublish(
    client: Client | null,
    packet: PublishPacket,
    done: (error?: Error | null) => void,
  ): void {
    const { connections, engine, environment, gatekeeper } = this.#parts;
    const connection = client === null ? undefined : connections.find(client);
    const admission = connection?.admission;
    if (connection === undefined || admission === undefined)
      return done(new Error('The connection has ended'));
    if (packet === connection.client.will)
      return done(admission.willAllowed ? null : new Error('The last will is not allowed'));

    if (connection.ending) return done(new Error('The connection is about to end'));
    const refusal = gatekeeper.refusalOfPublish(admission, packet);
    if (refusal !== undefined) return done(this.#refuse(connection, refusal));

    const fault = environment.faults.take('iot-broker', 'Publish', admission.clientId);
    if (packet.qos === 2 || fault?.kind === 'drop' || !connection.tryPublish()) {
      // AWS neither routes nor acknowledges QoS 2 nor what exceeds the rate.
      packet.qos = 0;
      engine.discard(packet);
    } else if (fault?.kind === 'lose-answer' || fault?.kind === 'delay') {
      const message = { ...messageOf(packet), clientId: admission.clientId };
      engine.discard(packet);
      if (fault.kind === 'lose-answer') packet.qos = 0;
      const waitMs = fault.kind === 'delay' ? fault.ms : 0;
      setTimeout(() => engine.route(message), waitMs).unref();
    } else if (fault?.kind === 'error') {
      return done(
        this.#refuse(connection, { message: fault.message, reason: 'SERVER_ERROR', returnCode: 5 }),
      );
    }
    return done(null);
  }

  #authorizeForward(client: EngineClient, packet: AedesPublishPacket): AedesPublishPacket | null {
    const { connections, engine, environment, sessions } = this.#parts;
    const connection = connections.find(client);
    const admission = connection?.admission;
    // Before the CONNACK nothing may be sent; what a session is owed follows by the replay.
    if (admission === undefined || connection === undefined || !client.connackSent) return null;
    const owed = !client.clean && packet.qos > 0;
    if (!admission.authority.allows('iot:Receive', `topic/${packet.topic}`)) {
      if (owed) sessions.drop(client.id, packet.brokerCounter);
      return null;
    }
    if (connection.released.delete(packet.brokerCounter)) return packet;
    const fault = environment.faults.take('iot-broker', 'Deliver', client.id);
    if (fault?.kind !== 'drop' && fault?.kind !== 'delay') return packet;
    if (owed) sessions.drop(client.id, packet.brokerCounter);
    if (fault.kind === 'delay') {
      const message = messageOf(packet);
      setTimeout(() => {
        engine.redeliver(client, message, (sequence) => connection.released.add(sequence));
      }, fault.ms).unref();
    }
    return null;
  }

  #refuse(connection: Connection, refusal: Refusal): Error {
    logRefusal(this.#parts.environment, connection, refusal);
    connection.endsWith(refusal.reason);
    return new Error(refusal.message);
  }
}

function messageOf({ topic, payload, qos, retain }: PublishPacket): Message {
  return { topic, payload: Buffer.from(payload), qos: qos > 0 ? 1 : 0, retain };
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ConnectPacket } from 'aedes';
import type { EngineHooks } from './aedes-engine.ts';
import { type BrokerParts, logRefusal } from './broker-parts.ts';

/** What aedes asks about a CONNECT: whether it may be, and what becomes of the connection it takes over. */
export class ConnectHooks {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  asOptions(): Pick<EngineHooks, 'preConnect' | 'authenticate'> {
    const { connections, engine } = this.#parts;
    return {
      preConnect: (client, packet, done) => void this.#preConnect(client, packet, done),
      authenticate: (client, _user, _password, done) => {
        if (connections.find(client)?.admission === undefined)
          return done(Object.assign(new Error('not authorized'), { returnCode: 5 }), false);
        const taken = engine.clients[client.id];
        if (taken !== undefined) connections.find(taken)?.endsWith('DUPLICATE_CLIENTID');
        return done(null, true);
      },
    };
  }

  async #preConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: Error | null, success: boolean) => void,
  ): Promise<void> {
    const { environment, connections, sessions, gatekeeper, presence, options } = this.#parts;
    const connection = connections.find(client);
    if (connection === undefined) return done(new Error('The connection has ended'), false);
    // MQTT 5 clients get aedes's «unacceptable protocol version»; MQTT 3.1 AWS does not speak either.
    if (packet.protocolVersion === 5) return done(null, true);
    if (packet.protocolVersion !== 4) return done(new Error('AWS IoT speaks MQTT 3.1.1 and 5'), false);
    const fault = environment.faults.take('iot-broker', 'Connect', packet.clientId);
    if (fault?.kind === 'custom' && fault.name === 'lose-session') sessions.end(packet.clientId);
    if (fault?.kind === 'error' || fault?.kind === 'drop') return done(new Error('Injected fault'), false);
    if (fault?.kind === 'delay') await delay(fault.ms, undefined, { ref: false });

    const verdict = gatekeeper.admit(connection, packet);
    if ('authority' in verdict) {
      connection.admission = verdict;
      packet.keepalive = verdict.keepAliveSeconds;
      return done(null, true);
    }
    logRefusal(environment, connection, verdict);
    if (verdict.reason === 'AUTH_ERROR')
      presence.refused(packet.clientId, connection.certificateId, connection.sourceIp);
    // Without an admission, aedes's next step answers CONNACK 5.
    const silent = options.refusal === 'close' || verdict.returnCode !== 5;
    return done(silent ? new Error(verdict.message) : null, !silent);
  }
}

import type { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Client } from 'aedes';
import { asEngineClient, type EngineClient } from './aedes-engine.ts';
import type { BrokerParts } from './broker-parts.ts';
import { Connection } from './connection.ts';
import { findConnectionThing } from './connection-variables.ts';
import type { PacketHooks, SubscribePacket } from './packet-hooks.ts';
import type { RegistryWatch } from './registry-watch.ts';
import { certificateIdOf, refuse } from './tls-listener.ts';

/** A connection from its TLS handshake to its end: certificate, session, presence. */
export class ConnectionLife {
  readonly #parts: BrokerParts;
  readonly #packetHooks: PacketHooks;
  readonly #registryWatch: RegistryWatch;

  constructor(parts: BrokerParts, packetHooks: PacketHooks, registryWatch: RegistryWatch) {
    this.#parts = parts;
    this.#packetHooks = packetHooks;
    this.#registryWatch = registryWatch;
  }

  /** Follows what aedes tells of its clients. */
  attach(): void {
    const {
      engine,
      connections,
      environment: { log },
    } = this.#parts;
    engine.on('client', (client) => this.#begin(asEngineClient(client)));
    engine.on('clientReady', (client) => this.#replay(asEngineClient(client)));
    engine.on('clientDisconnect', (client) => this.#finish(client));
    engine.on('keepaliveTimeout', (client) => connections.find(client)?.endsWith('MQTT_KEEP_ALIVE_TIMEOUT'));
    engine.on('clientError', (client, error) => {
      log.debug({ clientId: client.id, err: error }, 'connection failed');
    });
    engine.on('connectionError', (_, error) => log.debug({ err: error }, 'connection failed'));
  }

  /** Hands a socket to aedes when the registry knows its certificate and that one is good. */
  meet(socket: TLSSocket, certificate: X509Certificate): void {
    const {
      engine,
      connections,
      registry,
      environment: { clock, log },
    } = this.#parts;
    const certificateId = certificateIdOf(certificate);
    const record = registry.findCertificate(certificateId);
    if (record === undefined) this.#registryWatch.registerJustInTime(certificate);
    const now = clock.now();
    const valid = certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime();
    if (record?.status !== 'ACTIVE' || !valid) {
      log.info(
        { certificateId, status: record?.status ?? 'unknown', valid },
        'refused: the certificate is not registered, not ACTIVE or out of its time',
      );
      refuse(socket);
      return;
    }
    const client = asEngineClient(engine.handle(socket));
    const connection = new Connection(socket, certificate, client, clock);
    connections.add(connection);
    // Ahead of aedes, which stores the filters of a SUBSCRIBE one by one and would keep those before a refused one.
    client._parser.prependListener('packet', (packet: { cmd: string } | SubscribePacket) => {
      // aedes closes the connection for a second CONNECT [MQTT-3.1.0-2], and does not say why.
      if (packet.cmd === 'connect' && connection.admission !== undefined) connection.endsWith('CLIENT_ERROR');
      if ('subscriptions' in packet) this.#packetHooks.examineSubscribe(connection, packet);
    });
    client._parser.prependListener('error', () => connection.endsWith('CLIENT_ERROR'));
  }

  #begin(client: EngineClient): void {
    const { connections, sessions, registry, presence } = this.#parts;
    const connection = connections.find(client);
    const admission = connection?.admission;
    if (connection === undefined || admission === undefined) return;
    const { certificateId, socket, sourceIp } = connection;
    const { clientId, clean, keepAliveSeconds } = admission;
    // Again, because the connection just taken over has ended its claim on the session.
    if (!clean) sessions.resume(clientId);
    const thing = findConnectionThing(registry, certificateId, clientId);
    connection.sessionIdentifier = presence.connected({
      clientId,
      certificateId,
      ...(thing && { thingName: thing.thingName }),
      exclusiveThingName: thing?.exclusive === true ? thing.thingName : undefined,
      cleanSession: clean,
      keepAliveSeconds,
      sourceIp,
      sourcePort: socket.remotePort ?? 0,
      targetPort: socket.localPort ?? 0,
    });
  }

  #replay(client: EngineClient): void {
    if (client.clean) return;
    const { engine, environment, options } = this.#parts;
    const pauseMs = 1000 / options.replayPerSecond;
    let first = true;
    const pace = async (): Promise<void> => {
      if (!first) await delay(pauseMs, undefined, { ref: false });
      first = false;
    };
    engine.replay(client, pace).catch((error: unknown) => {
      environment.log.error({ err: error, clientId: client.id }, 'replay failed');
    });
  }

  #finish(client: Client): void {
    const { connections, engine, sessions, presence } = this.#parts;
    const connection = connections.find(client);
    if (connection?.admission === undefined || connection.sessionIdentifier === undefined) return;
    const { clientId, clean } = connection.admission;
    // A newer connection may have the session already.
    if (!clean && engine.clients[clientId] === undefined) sessions.disconnected(clientId);
    presence.disconnected(clientId, connection.sessionIdentifier, connection.disconnectReason);
  }
}

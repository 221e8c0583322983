import { constants, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { listen } from '../kernel/listen.ts';
import type { TlsIdentity } from '../kernel/pki.ts';
import { endInOrder } from './orderly-end.ts';

/** AWS IoT's protocol name for MQTT with a client certificate where MQTT shares port 443. */
const mqttProtocol = 'x-amzn-mqtt-ca';

export interface TlsListenerOptions {
  /** Refuse a client that does not say which host it means, as AWS does. */
  requireSni: boolean;
  onClient: (socket: TLSSocket, certificate: X509Certificate) => void;
  log: Logger;
}

/**
 * The TLS side of the broker. Every client must hold the key of some certificate; which ones are welcome the registry
 * decides afterwards, not a chain. One SecureContext serves all connections, and no session tickets (AWS IoT has none).
 */
export class TlsListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(identity: TlsIdentity, { requireSni, onClient, log }: TlsListenerOptions) {
    this.#server = createServer({
      key: identity.keyPem,
      cert: identity.certificatePem,
      minVersion: 'TLSv1.2',
      requestCert: true,
      rejectUnauthorized: false,
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: 10_000,
      noDelay: true,
      // Not called for clients that offer no protocol, which is how port 8883 is used.
      ALPNCallback: ({ protocols }) => protocols.find((protocol) => protocol === mqttProtocol),
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (error) => log.debug({ err: error }, 'TLS handshake failed'));
    this.#server.on('secureConnection', (secured: TLSSocket) => {
      const socket = endInOrder(secured);
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined || (requireSni && typeof socket.servername !== 'string')) {
        log.info(
          { sourceIp: socket.remoteAddress },
          certificate === undefined ? 'refused: no client certificate' : 'refused: no SNI',
        );
        refuse(socket);
        return;
      }
      onClient(socket, certificate);
    });
  }

  /** Listens on 127.0.0.1 and returns the port; 0 takes a free one. */
  listen(port: number): Promise<number> {
    // Boards come back all at once after an outage.
    return listen(this.#server, port, { backlog: 4096 });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

/** Ends a connection; what its socket has to say about that interests nobody. */
export function refuse(socket: TLSSocket): void {
  socket.on('error', () => undefined);
  socket.destroy();
}

/** AWS's id of a certificate: lower-case hex SHA-256 of the DER. */
export function certificateIdOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

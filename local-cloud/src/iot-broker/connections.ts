import type { Client } from 'aedes';
import type { Connection } from './connection.ts';

/** The connections that are open, by their client and by their certificate. */
export class Connections implements Iterable<Connection> {
  readonly #open = new Set<Connection>();
  readonly #byCertificate = new Map<string, Set<Connection>>();
  /** By aedes's client; outlives the socket, whose end aedes handles a little later. */
  readonly #byClient = new WeakMap<Client, Connection>();

  /** Keeps the connection until its socket closes. */
  add(connection: Connection): void {
    const { certificateId, client, socket } = connection;
    this.#byClient.set(client, connection);
    this.#open.add(connection);
    const peers = this.#byCertificate.get(certificateId) ?? new Set();
    this.#byCertificate.set(certificateId, peers.add(connection));
    socket.once('close', () => {
      this.#open.delete(connection);
      peers.delete(connection);
      if (peers.size === 0) this.#byCertificate.delete(certificateId);
    });
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open[Symbol.iterator]();
  }

  find(client: Client): Connection | undefined {
    return this.#byClient.get(client);
  }

  ofCertificate(certificateId: string): Iterable<Connection> {
    return this.#byCertificate.get(certificateId) ?? [];
  }
}

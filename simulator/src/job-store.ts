import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * In the place of the bucket that jobs fetch from and bring to: one address on this machine, which serves `release` and takes what is PUT to
 * it. On another than the board's machine it would have to be HTTPS.
 */
export class JobStore {
  readonly #server: Server;
  #received: Buffer | undefined;

  private constructor(release: Buffer | undefined) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.method === 'PUT') this.#received = Buffer.concat(chunks);
        if (request.method === 'GET' && release === undefined) response.statusCode = 404;
        response.end(request.method === 'GET' ? release : undefined);
      });
    });
  }

  static async open(release?: Buffer): Promise<JobStore> {
    const store = new JobStore(release);
    store.#server.listen(0, '127.0.0.1');
    await once(store.#server, 'listening');
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** What was brought last, if anything. */
  get received(): Buffer | undefined {
    return this.#received;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

import type { Server as HttpServer, RequestListener } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { close, listen } from './listen.ts';

/** How every HTTP/2 connection begins (RFC 9113, section 3.4); no method of HTTP/1.1 that we know does. */
const preface = 'PRI';

/**
 * HTTP/1.1 and HTTP/2 without TLS on one port. Some of AWS's clients (Bedrock's, for its streams) speak HTTP/2 with prior
 * knowledge to whatever address they are given, others, the `aws` command among them, HTTP/1.1.
 */
export class H2cListener {
  readonly #http: HttpServer;
  readonly #http2: Http2Server;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(http: HttpServer, onRequest: RequestListener) {
    this.#http = http;
    // Node's compatibility layer: requests and responses have the form of node:http's.
    this.#http2 = createHttp2Server(onRequest as unknown as Parameters<typeof createHttp2Server>[1]);
    this.#http2.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
    this.#listener = createServer((socket) => this.#accept(socket));
  }

  listen(port: number): Promise<number> {
    return listen(this.#listener, port);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await close(this.#listener);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // A connection that breaks before it has said what it is.
    const ignore = (): void => undefined;
    socket.on('error', ignore);
    const decide = (): void => {
      const head = socket.read() as Buffer | null;
      if (head === null) return;
      socket.unshift(head);
      const text = head.toString('latin1', 0, preface.length);
      if (text.length < preface.length && preface.startsWith(text)) return;
      socket.off('readable', decide);
      socket.off('error', ignore);
      (text === preface ? this.#http2 : this.#http).emit('connection', socket);
    };
    socket.on('readable', decide);
  }
}

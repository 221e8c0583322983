import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Clock } from '../../host/clock.ts';
import { exceptionOf } from '../../streaming/service-exception.ts';

/** A frame larger than this is none of the service's: its payloads have 10 KB at most. */
const maxFrameBytes = 128 * 1024;
const connectWithinMs = 10_000;
/** The service ends connections after ten minutes of silence; a dead network is noticed sooner. */
const pingEveryMs = 60_000;

/** The handshake was not accepted: `exception` is what AWS calls it, absent when nobody answered. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly status: number | undefined;
  readonly exception: string | undefined;

  constructor(
    message: string,
    refusal: { status?: number | undefined; exception?: string | undefined } = {},
  ) {
    super(message);
    this.status = refusal.status;
    this.exception = refusal.exception;
  }
}

export interface ConnectOptions {
  /** Signed; never logged. */
  url: URL;
  userAgent: string;
  /** Authorities trusted for wss, PEM; default Node's own. */
  ca?: string | Buffer | undefined;
  clock: Pick<Clock, 'after'>;
  signal: AbortSignal;
  onFrame: (text: string) => void;
}

/** The master's WebSocket to its channel. */
export class SignalingConnection {
  readonly #socket: WebSocket;
  readonly #clock: Pick<Clock, 'after'>;
  /** Resolves when the connection has ended, with why. */
  readonly ended: Promise<string>;
  #cancelPing: () => void = () => {};

  private constructor(socket: WebSocket, clock: Pick<Clock, 'after'>) {
    this.#socket = socket;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#cancelPing();
        resolve(`code ${code}${reason.length === 0 ? '' : `, ${reason.toString('utf8').slice(0, 200)}`}`);
      });
    });
  }

  /** Rejects with a ConnectError. */
  static open(options: ConnectOptions): Promise<SignalingConnection> {
    const { url, userAgent, ca, clock, signal, onFrame } = options;
    const socket = new WebSocket(url, {
      headers: { 'user-agent': userAgent },
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      handshakeTimeout: connectWithinMs,
      ...(ca === undefined ? {} : { ca }),
    });
    const connection = new SignalingConnection(socket, clock);
    const abort = (): void => socket.terminate();
    signal.addEventListener('abort', abort, { once: true });
    void connection.ended.then(() => signal.removeEventListener('abort', abort));
    socket.on('message', (data: Buffer) => onFrame(data.toString('utf8')));
    return new Promise((resolve, reject) => {
      // Stays: an error after the handshake is followed by `close`.
      socket.on('error', (error) =>
        reject(new ConnectError(`The signaling channel cannot be reached (${url.host}): ${error.message}.`)),
      );
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        reject(refusal(response));
      });
      socket.once('open', () => {
        connection.#keepAlive();
        resolve(connection);
      });
    });
  }

  /** False when it was not sent because the connection is ending. */
  send(frame: string): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(frame);
    return true;
  }

  /** Resolves when the socket is closed. May be called twice. */
  async close(): Promise<void> {
    this.#cancelPing();
    this.#socket.close(1000);
    const cancel = this.#clock.after(1_000, () => this.#socket.terminate());
    await this.ended;
    cancel();
  }

  #keepAlive(): void {
    let alive = true;
    this.#socket.on('pong', () => {
      alive = true;
    });
    const ping = (): void => {
      if (!alive) return this.#socket.terminate();
      alive = false;
      this.#socket.ping();
      this.#cancelPing = this.#clock.after(pingEveryMs, ping);
    };
    this.#cancelPing = this.#clock.after(pingEveryMs, ping);
  }
}

function refusal({ statusCode, headers }: IncomingMessage): ConnectError {
  const exception = exceptionOf(headers, '');
  return new ConnectError(`The signaling channel refused the board: ${exception ?? `HTTP ${statusCode}`}.`, {
    status: statusCode,
    exception,
  });
}

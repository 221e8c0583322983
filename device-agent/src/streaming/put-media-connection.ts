import {
  type ClientRequest,
  type ClientRequestArgs,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { TemporaryCredentials } from '../credentials/credential-source.ts';
import type { Clock } from '../host/clock.ts';
import { type Ack, AckParser } from './ack-parser.ts';
import { signRequest } from './request-signer.ts';
import { exceptionOf } from './service-exception.ts';

/** How a connection ended, when it was not us who closed it. */
export type ConnectionEnd =
  /** The service answered other than 200: it took nothing. */
  | { kind: 'refused'; status: number; exception: string | undefined }
  /** The service ended its answer, or sent what cannot be understood: it lives, and what it has received it has. */
  | { kind: 'ended'; reason: string }
  /** Reset, refused, timed out: whether the service still has what it received is unknown. */
  | { kind: 'broken'; reason: string };

export interface ConnectionListener {
  /** The service answered 200: the stream, the signature and the limits are in order. */
  onAccepted(): void;
  onAck(ack: Ack): void;
  /** There is room again after `write` answered false. */
  onDrain(): void;
  /** Called once; never after `close`. */
  onEnd(end: ConnectionEnd): void;
}

/** One PutMedia request, as far as its user sees it. */
export interface Connection {
  /** False when the socket takes no more for now: wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  /** Ends the body; acknowledgements go on coming. */
  endBody(): void;
  /** Drops the connection, and what is still on its way: nothing of it arrives later. */
  close(): void;
}

export interface PutMediaOptions {
  /** Data endpoint, http or https, with its port. */
  endpoint: URL;
  streamName: string;
  region: string;
  credentials: TemporaryCredentials;
  /** Timecode of the first fragment. */
  producerStartMs: number;
  clock: Clock;
  userAgent: string;
  /** Authorities trusted for https, PEM; default Node's own. */
  ca?: string | Buffer | undefined;
  /** Bound on name lookup, TCP and TLS together. */
  connectTimeoutMs?: number;
  listener: ConnectionListener;
}

/** As the reference producer. */
const defaultConnectTimeoutMs = 5_000;
/** Error bodies are short JSON; more is not read. */
const maxErrorBodyChars = 2_048;
const keepAliveProbeMs = 10_000;

/**
 * Opens a PutMedia request: POST /putMedia, signed with an unsigned body that is sent in chunks while the answer, the
 * acknowledgements, comes in (Developer Guide, "PutMedia"). Rejects only when signing fails.
 */
export async function openPutMedia(options: PutMediaOptions): Promise<Connection> {
  const url = new URL('/putMedia', options.endpoint);
  const headers = signRequest({
    url,
    headers: putMediaHeaders(options),
    region: options.region,
    credentials: options.credentials,
    date: new Date(options.clock.now()),
  });
  return new PutMediaConnection(url, headers, options);
}

function putMediaHeaders({
  streamName,
  producerStartMs,
  userAgent,
}: PutMediaOptions): Record<string, string> {
  return {
    'user-agent': userAgent,
    connection: 'keep-alive',
    'transfer-encoding': 'chunked',
    'content-type': 'application/json',
    'x-amzn-stream-name': streamName,
    // Seconds since the epoch with three decimals.
    'x-amzn-producer-start-timestamp': (producerStartMs / 1_000).toFixed(3),
    'x-amzn-fragment-acknowledgment-required': '1',
    'x-amzn-fragment-timecode-type': 'ABSOLUTE',
  };
}

class PutMediaConnection implements Connection {
  readonly #request: ClientRequest;
  readonly #listener: ConnectionListener;
  readonly #acks = new AckParser();
  readonly #cancelConnectTimeout: () => void;
  #socket: Socket | undefined;
  #over = false;

  constructor(url: URL, headers: Record<string, string>, options: PutMediaOptions) {
    const { clock, ca, listener, connectTimeoutMs = defaultConnectTimeoutMs } = options;
    this.#listener = listener;
    const common = { method: 'POST', headers };
    this.#request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...common, createConnection: (address) => this.#dialTls(address, ca) })
        : httpRequest(url, { ...common, createConnection: (address) => this.#dial(address) });
    this.#cancelConnectTimeout = clock.after(connectTimeoutMs, () =>
      this.#end({
        kind: 'broken',
        reason: `no connection to ${url.host} within ${connectTimeoutMs / 1_000} s`,
      }),
    );
    this.#listen(url.protocol === 'https:' ? 'secureConnect' : 'connect');
    this.#request.setNoDelay(true);
    this.#request.setSocketKeepAlive(true, keepAliveProbeMs);
    this.#request.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    return this.#over || this.#request.write(chunk);
  }

  endBody(): void {
    if (!this.#over) this.#request.end();
  }

  close(): void {
    this.#over = true;
    this.#cancelConnectTimeout();
    // A plain close leaves the kernel delivering what it holds, seconds of video on a slow uplink: it would arrive after
    // the same fragments have been sent again. A reset discards it. One that is shutting down cannot be reset: by then the
    // answer has ended.
    if (this.#request.socket?.writable === true && this.#socket?.connecting === false)
      this.#socket.resetAndDestroy();
    this.#request.destroy();
  }

  #dial({ host, port }: ClientRequestArgs): Socket {
    const socket = netConnect({ host: host ?? 'localhost', port: Number(port) });
    this.#socket = socket;
    return socket;
  }

  /** TLS over a socket of its own: only that one can be reset. */
  #dialTls(address: ClientRequestArgs, ca: string | Buffer | undefined): Socket {
    const host = address.host ?? 'localhost';
    return tlsConnect({
      socket: this.#dial(address),
      host,
      // Server Name Indication takes no addresses (RFC 6066, section 3).
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    });
  }

  #listen(connected: 'connect' | 'secureConnect'): void {
    this.#request
      .on('socket', (socket) => socket.once(connected, this.#cancelConnectTimeout))
      .on('drain', () => {
        if (!this.#over) this.#listener.onDrain();
      })
      .on('response', (response) => this.#read(response))
      .on('error', (error) => this.#end({ kind: 'broken', reason: reasonOf(error) }))
      .on('close', () => this.#end({ kind: 'broken', reason: 'the connection was closed' }));
  }

  #read(response: IncomingMessage): void {
    response.on('error', (error) => this.#end({ kind: 'broken', reason: reasonOf(error) }));
    if (response.statusCode === 200) this.#readAcks(response);
    else this.#readRefusal(response);
  }

  #readAcks(response: IncomingMessage): void {
    if (!this.#over) this.#listener.onAccepted();
    response
      .on('data', (chunk: Buffer) => {
        try {
          for (const ack of this.#acks.push(chunk)) if (!this.#over) this.#listener.onAck(ack);
        } catch (error) {
          this.#end({ kind: 'ended', reason: (error as Error).message });
        }
      })
      .on('end', () => this.#end({ kind: 'ended', reason: 'the service ended the connection' }));
  }

  #readRefusal(response: IncomingMessage): void {
    let body = '';
    response
      .setEncoding('utf8')
      .on('data', (text: string) => {
        body = `${body}${text}`.slice(0, maxErrorBodyChars);
      })
      .on('close', () =>
        this.#end({
          kind: 'refused',
          status: response.statusCode ?? 0,
          exception: exceptionOf(response.headers, body),
        }),
      );
  }

  #end(end: ConnectionEnd): void {
    if (this.#over) return;
    this.close();
    this.#listener.onEnd(end);
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.message === '' ? (error.code ?? 'unknown network error') : error.message;
}

import { EventEmitter, once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { MatroskaReader } from './matroska-reader.ts';

/** One fragment as it arrived. */
export interface ReceivedFragment {
  connection: number;
  timecodeMs: number;
  blocks: number;
  /** Names of its tags. */
  tags: string[];
  /** The next Cluster or the end tag has closed it. */
  complete: boolean;
}

/** What the server does to a connection; every key is read at the moment it matters. */
export interface Behaviour {
  /** Answers so instead of 200; undefined accepts. */
  refuse?: ((attempt: number) => { status: number; exception: string } | undefined) | undefined;
  /** Resets the connection once it has seen so many blocks of the fragment `fragment` (counted from 0, per server). */
  cut?: { fragment: number; blocks: number } | undefined;
  /** Neither BUFFERING nor RECEIVED nor PERSISTED. */
  silent?: boolean;
  /** PERSISTED waits for `releasePersisted`. */
  holdPersisted?: boolean;
  /** Answers this ERROR in place of RECEIVED for the n-th fragment of the server, once. */
  error?: { fragment: number; id: number; code: string; withTimecode: boolean } | undefined;
  /** Ends the answer properly after RECEIVED of the n-th fragment of the server, once. */
  endAfter?: number | undefined;
}

interface ListFragmentsRequest {
  FragmentSelector: { TimestampRange: { StartTimestamp: number; EndTimestamp: number } };
  NextToken?: string;
}

/**
 * PutMedia, ListFragments and GetDataEndpoint of one stream, for tests: reads the Matroska as it comes and acknowledges as the service
 * does, unless `behaviour` says otherwise. Emits `fragment`, `persisted`, `attempt`, `closed`.
 */
export class PutMediaServer extends EventEmitter {
  behaviour: Behaviour = {};
  readonly fragments: ReceivedFragment[] = [];
  /** Timecodes in the order of their PERSISTED, over all connections. */
  readonly persisted: number[] = [];
  readonly attempts: { at: number; headers: IncomingHttpHeaders }[] = [];
  readonly endOfFragmentTags: number[] = [];
  endpointCalls = 0;
  /** What GetDataEndpoint answers; default its own address. */
  dataEndpoint: URL | undefined;
  /** Pictures that have arrived, over all connections. */
  blocks = 0;
  /** Connections open at this moment, and the most there ever were. */
  open = 0;
  mostOpen = 0;
  #held: (() => void)[] = [];
  #server: Server | undefined;
  #url: URL | undefined;
  readonly #tls: { key: string; cert: string } | undefined;

  /** With a key and a certificate, PEM, it speaks https. */
  constructor(tls?: { key: string; cert: string }) {
    super();
    this.#tls = tls;
  }

  get url(): URL {
    if (this.#url === undefined) throw new Error('The server has not been started.');
    return this.#url;
  }

  /** Listens, on the port it had before if it had one. */
  async start(): Promise<void> {
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      this.#serve(request, response);
    this.#server = this.#tls === undefined ? createServer(serve) : createTlsServer(this.#tls, serve);
    // A stream is one request; Node.js would end it after five minutes.
    this.#server.requestTimeout = 0;
    this.#server.listen(Number(this.#url?.port ?? 0), '127.0.0.1');
    await once(this.#server, 'listening');
    this.#url = new URL(
      `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
    );
  }

  /** The host dies: nobody listens, every connection is reset. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  releasePersisted(): void {
    this.behaviour.holdPersisted = false;
    for (const release of this.#held.splice(0)) release();
  }

  /** Waits until `condition` holds, looking again after each event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this, 'change');
  }

  #changed(): void {
    this.emit('change');
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/getDataEndpoint') {
      this.endpointCalls++;
      request.resume();
      response.end(JSON.stringify({ DataEndpoint: (this.dataEndpoint ?? this.url).origin }));
      return;
    }
    if (request.url === '/listFragments') {
      this.#list(request, response);
      return;
    }
    if (request.url !== '/putMedia') {
      request.resume();
      response.writeHead(404, { 'x-amzn-ErrorType': 'ResourceNotFoundException' }).end('{}');
      return;
    }
    const attempt = this.attempts.length;
    this.attempts.push({ at: Date.now(), headers: request.headers });
    const refusal = this.behaviour.refuse?.(attempt);
    if (refusal === undefined) this.#receive(request, response, attempt);
    else {
      response.writeHead(refusal.status, { 'x-amzn-ErrorType': refusal.exception, connection: 'close' });
      response.end(JSON.stringify({ Message: 'refused by the test' }));
    }
    this.#changed();
  }

  /** Pages of two, so that a client has to turn them. */
  #list(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { FragmentSelector, NextToken } = JSON.parse(body) as ListFragmentsRequest;
      const { StartTimestamp, EndTimestamp } = FragmentSelector.TimestampRange;
      const wanted = this.persisted.filter(
        (ms) => ms >= StartTimestamp * 1_000 && ms <= EndTimestamp * 1_000,
      );
      const from = Number(NextToken ?? 0);
      const Fragments = wanted.slice(from, from + 2).map((ms) => ({ ProducerTimestamp: ms / 1_000 }));
      response.end(
        JSON.stringify({ Fragments, NextToken: wanted.length > from + 2 ? String(from + 2) : null }),
      );
    });
  }

  #receive(request: IncomingMessage, response: ServerResponse, connection: number): void {
    response.writeHead(200);
    response.flushHeaders();
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    const reader = new MatroskaReader();
    let current: ReceivedFragment | undefined;
    let tags: string[] = [];
    const complete = (): void => {
      if (current !== undefined && !current.complete) {
        current.complete = true;
        this.#acknowledge(current, response);
      }
    };
    request.on('data', (chunk: Buffer) => {
      for (const event of reader.push(chunk)) {
        // After an error, the end of its answer or a cut the service takes nothing more.
        if (response.writableEnded || request.socket.destroyed) return;
        if (event.kind === 'cluster') {
          complete();
          current = { connection, timecodeMs: event.timecodeMs, blocks: 0, tags, complete: false };
          tags = [];
          this.fragments.push(current);
          this.#ack(response, 'BUFFERING', current);
        } else if (event.kind === 'block' && current !== undefined) {
          current.blocks++;
          this.blocks++;
          this.#cutIfTold(current, request);
        } else if (event.kind === 'tags' && event.names.includes('AWS_KINESISVIDEO_END_OF_FRAGMENT')) {
          this.endOfFragmentTags.push(connection);
          complete();
        } else if (event.kind === 'tags') {
          tags = event.names;
        }
      }
      this.#changed();
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    response.on('close', () => {
      this.open--;
      this.#changed();
    });
  }

  #cutIfTold(current: ReceivedFragment, request: IncomingMessage): void {
    const { cut } = this.behaviour;
    if (cut === undefined || this.fragments.length - 1 < cut.fragment || current.blocks < cut.blocks) return;
    this.behaviour.cut = undefined;
    request.socket.resetAndDestroy();
  }

  #acknowledge(fragment: ReceivedFragment, response: ServerResponse): void {
    const index = this.fragments.indexOf(fragment);
    const { error, endAfter } = this.behaviour;
    if (error?.fragment === index) {
      this.behaviour.error = undefined;
      const { id, code, withTimecode } = error;
      const named = withTimecode ? { FragmentTimecode: fragment.timecodeMs } : {};
      response.end(`${JSON.stringify({ EventType: 'ERROR', ...named, ErrorCode: code, ErrorId: id })}\r\n`);
      return;
    }
    this.#ack(response, 'RECEIVED', fragment);
    if (endAfter === index) {
      this.behaviour.endAfter = undefined;
      this.persisted.push(fragment.timecodeMs);
      response.end();
      return;
    }
    const persist = (): void => {
      if (response.destroyed) return;
      this.persisted.push(fragment.timecodeMs);
      this.#ack(response, 'PERSISTED', fragment);
      this.#changed();
    };
    if (this.behaviour.holdPersisted) this.#held.push(persist);
    else if (!this.behaviour.silent) persist();
  }

  #ack(response: ServerResponse, eventType: string, { timecodeMs }: ReceivedFragment): void {
    if (this.behaviour.silent) return;
    const number = String(9_134_385_233_318_149n * 10n ** 31n + BigInt(timecodeMs));
    response.write(
      `${JSON.stringify({ EventType: eventType, FragmentTimecode: timecodeMs, FragmentNumber: number })}\r\n`,
    );
  }
}

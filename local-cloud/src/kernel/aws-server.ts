import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AwsError } from './aws-error.ts';
import type { Clock } from './clock.ts';
import type { FaultRule, Faults } from './faults.ts';
import { H2cListener } from './h2c-listener.ts';
import { close, listen } from './listen.ts';
import { PathPattern } from './path-pattern.ts';
import type { AccessKeys, Principal } from './principal.ts';
import { discardBody, readBody } from './request-body.ts';
import { verifySigV4 } from './sigv4.ts';
import { TokenBucket } from './token-bucket.ts';

export interface AwsRequest {
  /** Values of the path template, percent-decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  /** Who signed; for operations with `unsigned: true` the account itself. */
  principal: Principal;
  /** The body, read whole; empty for a streaming operation. */
  body: Buffer;
  /** The parsed JSON body; `{}` when there is none. Throws SerializationException when it is not JSON. */
  json: () => Record<string, unknown>;
  /** For streaming operations: the raw pair. */
  raw: { request: IncomingMessage; response: ServerResponse };
}

/** What to answer. `json` is serialised; `body` goes out as it is. Streaming operations return undefined and answer themselves. */
export interface AwsAnswer {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  body?: Buffer | string;
}

export interface AwsOperation {
  /** The API's name of it, for throttles, faults and logs. */
  name: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/things/{thingName}`; `{topic+}` takes the rest of the path. */
  path: string;
  /** Of services with one path for everything: the value of X-Amz-Target, `TrentService.Sign` (AWS JSON 1.1). */
  target?: string;
  /** No SigV4 asked for (playback URLs carry a token of their own). */
  unsigned?: boolean;
  /** Pages of any origin may read the answer, refusals too. */
  anyOrigin?: boolean;
  /** The operation reads the body from `raw.request` while it answers on `raw.response`. */
  streaming?: boolean;
  handle(request: AwsRequest): Promise<AwsAnswer | undefined> | AwsAnswer | undefined;
}

export interface AwsServerOptions {
  service: FaultRule['service'];
  /** SigV4 service names that this endpoint accepts. */
  signingNames: readonly string[];
  operations: readonly AwsOperation[];
  /** Calls a second by operation name; an operation without an entry is not throttled. */
  throttles?: Readonly<Record<string, number>>;
  /** The service's answer to a throttled call. */
  throttled?: () => AwsError;
  /** The service's answer to a method and path that no operation has; an UnknownOperationException without it. */
  unknownOperation?: () => AwsAnswer;
  /** AWS JSON 1.1 in place of REST-JSON: its content type, and the error's name in the body too. */
  json11?: true;
  /** Answers HTTP/2 as well, which some of AWS's clients speak without asking. */
  http2?: boolean;
  /** Of a body; default 8 MiB. */
  maxBodyBytes?: number;
  /** Takes over a connection that asks for another protocol (WebSocket); what it throws goes out as a refusal. */
  upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  /** How the service's headers `…RequestId` and `…ErrorType` begin; `x-amzn-`, which SDKs read, is always among them. */
  headerPrefix?: 'x-amz-';
  accessKeys: AccessKeys;
  clock: Clock;
  faults: Faults;
  log: Logger;
}

const json11Type = 'application/x-amz-json-1.1';
const defaultMaxBodyBytes = 8 * 1024 * 1024;

/** One AWS REST-JSON (or JSON 1.1) endpoint on plain HTTP: signature, throttle, fault, operation, answer. */
export class AwsServer {
  readonly #options: AwsServerOptions;
  readonly #routes: { operation: AwsOperation; pattern: PathPattern }[];
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #server: Server;
  readonly #h2c: H2cListener | undefined;
  /** Throttles can be switched off as a whole, for tests that are about something else. */
  throttling = true;

  constructor(options: AwsServerOptions) {
    this.#options = options;
    this.#routes = options.operations.map((operation) => ({
      operation,
      pattern: new PathPattern(operation.path),
    }));
    // Node answers `Expect: 100-continue` itself, which AWS's C producer sends.
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response);
    this.#server = createServer(serve);
    this.#server.requestTimeout = 0;
    this.#h2c = options.http2 === true ? new H2cListener(this.#server, serve) : undefined;
    if (options.upgrade !== undefined)
      this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  /** Listens on 127.0.0.1 and returns the port. */
  listen(port: number): Promise<number> {
    return this.#h2c?.listen(port) ?? listen(this.#server, port);
  }

  close(): Promise<void> {
    return this.#h2c?.close() ?? close(this.#server);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#nameRequest(response);
    try {
      const answer = await this.#answer(request, response);
      if (answer !== undefined) send(response, answer, this.#contentType());
    } catch (error) {
      this.#refuse(response, error);
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      await this.#options.upgrade?.(request, socket, head);
    } catch (error) {
      if (socket.destroyed || !(socket instanceof Socket)) return;
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.once('finish', () => socket.end());
      this.#nameRequest(response);
      this.#refuse(response, error);
    }
  }

  #nameRequest(response: ServerResponse): void {
    const requestId = randomUUID();
    for (const prefix of this.#headerPrefixes()) response.setHeader(`${prefix}RequestId`, requestId);
  }

  #refuse(response: ServerResponse, error: unknown): void {
    const known =
      error instanceof AwsError ? error : new AwsError('InternalFailureException', 500, 'Internal failure');
    // The path only: a query may hold a signature.
    const path = response.req.url?.split('?')[0];
    if (known !== error) this.#options.log.error({ err: error, path }, 'operation failed');
    if (response.headersSent) response.destroy();
    else sendError(response, known, { prefixes: this.#headerPrefixes(), contentType: this.#contentType() });
  }

  #contentType(): string {
    return this.#options.json11 === true ? json11Type : 'application/json';
  }

  #headerPrefixes(): string[] {
    const { headerPrefix } = this.#options;
    return headerPrefix === undefined ? ['x-amzn-'] : ['x-amzn-', headerPrefix];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<AwsAnswer | undefined> {
    const { service, faults, clock, accessKeys, signingNames, log } = this.#options;
    const url = request.url ?? '/';
    const path = url.split('?')[0] ?? '/';
    const found = this.#find(request.method ?? 'GET', path, request.headers['x-amz-target']);
    if (found === undefined) {
      const unknown = this.#options.unknownOperation;
      if (unknown === undefined)
        throw new AwsError('UnknownOperationException', 404, `No operation ${request.method} ${path}`);
      discardBody(request);
      return unknown();
    }
    const { operation, params } = found;
    if (operation.anyOrigin === true) response.setHeader('access-control-allow-origin', '*');
    const { maxBodyBytes = defaultMaxBodyBytes } = this.#options;
    const body =
      operation.streaming === true ? Buffer.alloc(0) : await readBody(request, maxBodyBytes, tooLarge);
    const principal: Principal =
      operation.unsigned === true
        ? { kind: 'account', accessKeyId: '' }
        : verifySigV4(
            {
              method: request.method ?? 'GET',
              url,
              headers: request.headers,
              body: operation.streaming === true ? undefined : body,
            },
            accessKeys,
            clock,
            signingNames,
          );
    this.#throttle(operation.name);

    const fault = faults.takeGeneral(service, operation.name, Object.values(params)[0]);
    if (fault?.kind === 'error') throw new AwsError(fault.code, fault.status, fault.message);
    if (fault?.kind === 'delay') await delay(fault.ms);
    if (fault?.kind === 'drop') {
      // Destroying a request that was read whole leaves its connection open.
      request.socket.destroy();
      return undefined;
    }
    const answer = await operation.handle({
      params,
      query: new URL(url, 'http://localhost').searchParams,
      headers: request.headers,
      principal,
      body,
      json: () => parseJson(body),
      raw: { request, response },
    });
    log.debug({ operation: operation.name, params }, 'served');
    if (fault?.kind === 'lose-answer') {
      request.socket.destroy();
      return undefined;
    }
    return answer;
  }

  #find(
    method: string,
    path: string,
    target: string | string[] | undefined,
  ): { operation: AwsOperation; params: Record<string, string> } | undefined {
    for (const { operation, pattern } of this.#routes) {
      const meant = operation.method === method && (operation.target ?? target) === target;
      const params = meant ? pattern.match(path) : undefined;
      if (params !== undefined) return { operation, params };
    }
    return undefined;
  }

  #throttle(operation: string): void {
    const { throttles, throttled, clock } = this.#options;
    const perSecond = throttles?.[operation];
    if (!this.throttling || !this.#options.faults.throttling || perSecond === undefined) return;
    let bucket = this.#buckets.get(operation);
    if (bucket === undefined) {
      bucket = new TokenBucket(clock, perSecond);
      this.#buckets.set(operation, bucket);
    }
    if (!bucket.tryTake()) throw throttled?.() ?? new AwsError('ThrottlingException', 400, 'Rate exceeded');
  }
}

const tooLarge = (): AwsError =>
  new AwsError('RequestEntityTooLargeException', 413, 'The request is too large');

function parseJson(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Falls through to the same refusal as a body that is JSON but no object.
  }
  throw new AwsError('SerializationException', 400, 'The request body is not a JSON object');
}

function send(response: ServerResponse, answer: AwsAnswer, contentType: string): void {
  const body = answer.body ?? (answer.json === undefined ? '' : JSON.stringify(answer.json));
  response.writeHead(answer.status ?? 200, {
    ...(answer.json === undefined ? {} : { 'content-type': contentType }),
    ...answer.headers,
  });
  response.end(body);
}

/** Both spellings of the message occur among AWS's services; clients read either. */
function sendError(
  response: ServerResponse,
  error: AwsError,
  { prefixes, contentType }: { prefixes: readonly string[]; contentType: string },
): void {
  response.writeHead(error.status, {
    'content-type': contentType,
    ...Object.fromEntries(prefixes.map((prefix) => [`${prefix}ErrorType`, error.code])),
  });
  const named = contentType === json11Type ? { __type: error.code } : {};
  response.end(
    JSON.stringify({ ...named, message: error.message, Message: error.message, ...error.members }),
  );
  // It may still be on its way in (streaming, too large).
  discardBody(response.req);
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { ZodError } from 'zod';
import type { AdminRoute } from './admin-route.ts';
import { AwsError } from './aws-error.ts';
import { HttpAnswer, HttpRefusal } from './http-answer.ts';
import { close, listen } from './listen.ts';
import { PathPattern } from './path-pattern.ts';
import { discardBody, readBody } from './request-body.ts';

const maxBodyBytes = 1024 * 1024;
const ownHosts = new Set(['localhost', '127.0.0.1']);

/** A small JSON and HTML server on loopback for the admin surface, the issuers and the mail page. */
export class RouteServer {
  readonly #routes: { route: AdminRoute; pattern: PathPattern }[] = [];
  readonly #server: Server;
  readonly #log: Logger;
  #port = 0;

  constructor(log: Logger) {
    this.#log = log;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Adds routes; the first that fits a request answers it. */
  mount(routes: readonly AdminRoute[]): void {
    this.#routes.push(...routes.map((route) => ({ route, pattern: new PathPattern(route.path) })));
  }

  get routes(): AdminRoute[] {
    return this.#routes.map(({ route }) => route);
  }

  /** 0 until the start. */
  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  async start(port: number): Promise<void> {
    if (this.#port === 0) this.#port = await listen(this.#server, port);
  }

  async stop(): Promise<void> {
    await close(this.#server);
    this.#port = 0;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hangUp = new AbortController();
    response.once('close', () => hangUp.abort());
    try {
      send(response, await this.#answer(request, hangUp.signal));
    } catch (error) {
      if (hangUp.signal.aborted) return;
      const { status, message } = refusalOf(error);
      if (status >= 500) this.#log.error({ err: error, url: request.url }, 'request failed');
      send(
        response,
        new HttpAnswer(status, { 'content-type': 'application/json' }, JSON.stringify({ message })),
      );
    }
  }

  async #answer(request: IncomingMessage, signal: AbortSignal): Promise<HttpAnswer> {
    checkCaller(request);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const fits = this.#routes.flatMap(({ route, pattern }) => {
      const params = pattern.match(url.pathname);
      return params === undefined ? [] : [{ route, params }];
    });
    const found = fits.find(({ route }) => route.method === request.method);
    if (found === undefined) {
      if (fits.length === 0) throw new HttpRefusal(404, `There is nothing at ${url.pathname}`);
      throw new HttpRefusal(405, `${url.pathname} takes ${fits.map(({ route }) => route.method).join(', ')}`);
    }
    const body = await readJson(request);
    const result = await found.route.handle({ params: found.params, query: url.searchParams, body, signal });
    if (result instanceof HttpAnswer) return result;
    return result === undefined ? new HttpAnswer(204) : HttpAnswer.json(result);
  }
}

/** A web page elsewhere must not steer the stand-ins: neither under another host name nor from another origin. */
function checkCaller(request: IncomingMessage): void {
  const host = request.headers.host ?? '';
  if (!ownHosts.has(host.replace(/:\d+$/, '')))
    throw new HttpRefusal(403, 'This server answers only as localhost or 127.0.0.1');
  const { origin } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`)
    throw new HttpRefusal(403, 'Requests from pages of another origin are refused');
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, maxBodyBytes);
  if (bytes.length === 0) return undefined;
  if (request.headers['content-type']?.startsWith('application/json') !== true)
    throw new HttpRefusal(415, 'Send the body as application/json');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new HttpRefusal(400, 'The body is not JSON');
  }
}

function refusalOf(error: unknown): { status: number; message: string } {
  if (error instanceof HttpRefusal || error instanceof AwsError) return error;
  if (error instanceof ZodError)
    return {
      status: 400,
      message: error.issues
        .map((issue) => `${issue.path.join('.') || 'the body'}: ${issue.message}`)
        .join('; '),
    };
  return { status: 500, message: 'The stand-in failed; its log says why' };
}

function send(response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(answer.status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...answer.headers,
  });
  response.end(answer.body);
  discardBody(response.req);
}

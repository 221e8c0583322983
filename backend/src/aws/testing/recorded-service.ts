import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RecordedRequest {
  method: string;
  path: string;
  authorization: string;
  body: unknown;
}

export interface Answer {
  status?: number;
  /** AWS's `x-amzn-errortype`. */
  error?: string;
  body?: unknown;
  /** Instead of a body: as they are. */
  bytes?: Uint8Array;
  /** No answer at all. */
  silent?: true;
}

export interface RecordedService {
  url: string;
  requests: RecordedRequest[];
  stop(): Promise<void>;
}

/**
 * An HTTP service that answers from a script and keeps what it was asked: for the bytes an adapter sends. Some clients
 * of the SDK speak HTTP/2 without asking.
 */
export async function startRecordedService(
  answer: (request: RecordedRequest) => Answer,
  { http2 = false } = {},
): Promise<RecordedService> {
  const requests: RecordedRequest[] = [];
  const sockets = new Set<Socket>();
  const serve = async (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> => {
    const recorded = await readRequest(request);
    requests.push(recorded);
    const { status = 200, error, body = {}, bytes, silent } = answer(recorded);
    if (silent) return;
    const headers = {
      'content-type': bytes ? 'video/mp4' : 'application/json',
      ...(error && { 'x-amzn-errortype': error }),
    };
    if ('stream' in response) response.writeHead(status, headers).end(bytes ?? JSON.stringify(body));
    else response.writeHead(status, headers).end(bytes ?? JSON.stringify(body));
  };
  const server = http2
    ? createHttp2Server((request, response) => void serve(request, response))
    : createServer((request, response) => void serve(request, response));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function readRequest(request: IncomingMessage | Http2ServerRequest): Promise<RecordedRequest> {
  const body = await text(request);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization ?? '',
    body: body === '' ? undefined : JSON.parse(body),
  };
}

/** Any credentials: the SDK takes them from the environment, as in production. */
export function useTestCredentials(): void {
  process.env.AWS_ACCESS_KEY_ID = 'AKIDEXAMPLE';
  process.env.AWS_SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
}

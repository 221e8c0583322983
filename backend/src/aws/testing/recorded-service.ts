import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
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
}

export interface RecordedService {
  url: string;
  requests: RecordedRequest[];
  stop(): Promise<void>;
}

/** An HTTP service that answers from a script and keeps what it was asked: for the bytes an adapter sends. */
export async function startRecordedService(
  answer: (request: RecordedRequest) => Answer,
): Promise<RecordedService> {
  const requests: RecordedRequest[] = [];
  const server = createServer((request, response) => {
    void readRequest(request).then((recorded) => {
      requests.push(recorded);
      const { status = 200, error, body = {} } = answer(recorded);
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(error && { 'x-amzn-errortype': error }),
      });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readRequest(request: IncomingMessage): Promise<RecordedRequest> {
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

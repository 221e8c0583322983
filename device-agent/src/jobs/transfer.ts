import type { IncomingMessage } from 'node:http';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

export interface TransferOptions {
  method: 'GET' | 'PUT';
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array;
  signal: AbortSignal;
  /** Without a byte either way for so long it is given up. */
  idleMs: number;
}

/** Names how a transfer failed, without the URL: a presigned one is a secret by itself. */
export class TransferError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'TransferError';
  }
}

/**
 * One HTTP request for a job; resolves with the response, whose body the caller reads or destroys. Redirects are not
 * followed: they would lead to where the job did not say. @throws TransferError
 */
export function transfer(url: string, options: TransferOptions): Promise<IncomingMessage> {
  const { method, headers = {}, body, signal, idleMs } = options;
  const request = url.startsWith('https:') ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    // No agent: one request, and no connection that is kept.
    const sent = request(url, { method, headers, agent: false, timeout: idleMs, signal });
    sent.on('timeout', () => sent.destroy(new Error('nothing was heard any more')));
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(new TransferError(error.code ?? error.message)),
    );
    sent.on('response', resolve);
    sent.end(body);
  });
}

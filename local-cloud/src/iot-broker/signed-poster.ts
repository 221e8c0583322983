import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../kernel/clock.ts';

export interface Endpoint {
  url: string;
  secret: string;
}

/** Posts JSON bodies, signed: `X-Aovis-Signature` is hex HMAC-SHA256 of `<unix seconds>.<body>` under the shared secret. */
export class SignedPoster {
  readonly #clock: Clock;
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with the answer's status; rejects when there is none. */
  async post({ url, secret }: Endpoint, body: string, signal: AbortSignal): Promise<number> {
    const timestamp = String(Math.floor(this.#clock.nowSeconds()));
    const secure = new URL(url).protocol === 'https:';
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent: secure ? this.#https : this.#http,
        signal,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'X-Aovis-Timestamp': timestamp,
          'X-Aovis-Signature': createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex'),
        },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        response.on('error', reject);
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      request.end(body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

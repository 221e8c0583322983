import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { close, listen } from '../listen.ts';

export interface ReceivedWebhook {
  headers: IncomingHttpHeaders;
  /** As it came, for signatures. */
  body: string;
  json: Record<string, unknown>;
  /** What it was answered with. */
  status: number;
}

/** A backend that writes down every webhook and answers what a test tells it to. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  /** The statuses of the next answers; afterwards 200. */
  readonly answers: number[] = [];
  readonly #arrivals = new EventEmitter();
  readonly #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      void text(request).then((body) => {
        const status = this.answers.shift() ?? 200;
        this.received.push({
          headers: request.headers,
          body,
          json: JSON.parse(body) as Record<string, unknown>,
          status,
        });
        response.writeHead(status).end();
        this.#arrivals.emit('webhook');
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/webhook`;
  }

  async start(): Promise<this> {
    this.#port = await listen(this.#server, 0);
    return this;
  }

  stop(): Promise<void> {
    return close(this.#server);
  }

  /** Waits until so many have arrived in all. */
  async until(count: number): Promise<ReceivedWebhook[]> {
    while (this.received.length < count) await once(this.#arrivals, 'webhook');
    return this.received;
  }

  /** Of those that have arrived, in order. */
  texts(member: string): unknown[] {
    return this.received.map(({ json }) => json[member]);
  }
}

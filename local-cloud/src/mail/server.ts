import type { SMTPServer } from 'smtp-server';
import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { HttpAnswer, HttpRefusal } from '../kernel/http-answer.ts';
import { listen } from '../kernel/listen.ts';
import { RouteServer } from '../kernel/route-server.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { Mailbox, type Message } from './mailbox.ts';
import { listPage, messagePage } from './page.ts';
import { createSmtpServer } from './smtp.ts';

const filterSchema = z.object({ to: z.string().optional(), after: z.string().optional() });
const nextSchema = filterSchema.extend({
  timeoutSeconds: z.coerce.number().min(0).max(120).default(30),
});

/** The mail sink: SMTP in, a page and JSON out. */
export class Mail implements Service {
  readonly name = 'mail';
  readonly adminRoutes: readonly AdminRoute[];
  readonly #environment: Environment;
  readonly #mailbox: Mailbox;
  readonly #http: RouteServer;
  readonly #wanted: { smtpPort: number; httpPort: number };
  #smtp: SMTPServer | undefined;
  #smtpPort = 0;

  constructor(environment: Environment, ports: { smtpPort: number; httpPort: number }) {
    this.#environment = environment;
    this.#wanted = ports;
    this.#mailbox = new Mailbox(environment.store, environment.clock);
    this.#http = new RouteServer(environment.log);
    this.#http.mount(this.#routes());
    this.adminRoutes = [
      {
        method: 'DELETE',
        path: '/_local/mail',
        summary: 'Throws all mail away',
        handle: () => this.#mailbox.clear(),
      },
    ];
  }

  get smtpPort(): number {
    return this.#smtpPort;
  }

  get port(): number {
    return this.#http.port;
  }

  get url(): string {
    return this.#http.url;
  }

  async start(): Promise<void> {
    if (this.#smtp !== undefined) return;
    const smtp = createSmtpServer(this.#mailbox, this.#environment.faults);
    // A client that breaks off is no reason to stop.
    smtp.on('error', (err) => this.#environment.log.info({ err }, 'SMTP connection failed'));
    // SMTPServer.listen reports a used port through its 'error' event only; the server beneath rejects.
    this.#smtpPort = await listen(smtp.server, this.#wanted.smtpPort);
    this.#smtp = smtp;
    await this.#http.start(this.#wanted.httpPort);
  }

  async stop(): Promise<void> {
    await this.#http.stop();
    const smtp = this.#smtp;
    if (smtp === undefined) return;
    this.#smtp = undefined;
    this.#smtpPort = 0;
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
  }

  #routes(): AdminRoute[] {
    return [
      {
        method: 'GET',
        path: '/',
        summary: 'All mail, as a page',
        handle: () => HttpAnswer.html(listPage(this.#mailbox.list())),
      },
      {
        method: 'GET',
        path: '/view/{id}',
        summary: 'One message, as a page',
        handle: ({ params }) => HttpAnswer.html(messagePage(this.#get(params['id']))),
      },
      {
        method: 'GET',
        path: '/messages',
        summary: 'Messages, oldest first; ?to= and ?after= narrow them',
        handle: ({ query }) => ({
          messages: this.#mailbox.list(filterSchema.parse(Object.fromEntries(query))),
        }),
      },
      {
        method: 'GET',
        path: '/messages/next',
        summary:
          'The first message to ?to= after the id ?after=, waited for up to ?timeoutSeconds=30; 204 without',
        handle: ({ query, signal }) => this.#next(nextSchema.parse(Object.fromEntries(query)), signal),
      },
      {
        method: 'GET',
        path: '/messages/{id}',
        summary: 'One message',
        handle: ({ params }) => this.#get(params['id']),
      },
      {
        method: 'GET',
        path: '/messages/{id}/html',
        summary: 'The HTML of one message, with scripts and network off',
        handle: ({ params }) =>
          HttpAnswer.html(
            this.#get(params['id']).html,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups",
          ),
      },
    ];
  }

  async #next(
    { timeoutSeconds, ...filter }: z.output<typeof nextSchema>,
    hangUp: AbortSignal | undefined,
  ): Promise<unknown> {
    const timer = new AbortController();
    const timeout = setTimeout(() => timer.abort(), timeoutSeconds * 1000);
    try {
      return await this.#mailbox.next(
        filter,
        AbortSignal.any([timer.signal, ...(hangUp === undefined ? [] : [hangUp])]),
      );
    } catch (error) {
      if (timer.signal.aborted) return undefined;
      throw error;
    } finally {
      clearTimeout(timeout);
    }
  }

  #get(id: string | undefined): Message {
    const message = this.#mailbox.find(id ?? '');
    if (message === undefined) throw new HttpRefusal(404, `There is no message ${id}`);
    return message;
  }
}

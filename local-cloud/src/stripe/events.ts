import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../kernel/clock.ts';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { post } from '../kernel/post.ts';
import type { Store } from '../kernel/store.ts';
import { type Delivery, WebhookQueue } from '../kernel/webhook-queue.ts';
import { type EventType, newEvent, type StripeEvent, type StripeObject } from './objects.ts';
import type { StripeState, WebhookEndpoint } from './state.ts';

/** Which API request caused an event; nulls for what happened by itself. */
export interface RequestReference {
  id: string | null;
  idempotency_key: string | null;
}

export interface EventsOptions {
  state: StripeState;
  store: Store;
  clock: Clock;
  log: Logger;
  /** For tests: waiting time after a failed attempt, ms. */
  backOffMs?: ((attempt: number) => number) | undefined;
}

/** What happened in the account, and its way to the webhook endpoints. */
export class Events {
  readonly queue: WebhookQueue;
  readonly #state: StripeState;
  readonly #clock: Clock;
  #request: RequestReference = { id: null, idempotency_key: null };

  constructor({ state, store, clock, log, backOffMs }: EventsOptions) {
    this.#state = state;
    this.#clock = clock;
    this.queue = new WebhookQueue({
      name: 'stripe',
      store,
      log,
      send: (delivery, signal) => this.#send(delivery, signal),
      onSettled: ({ subject }) => this.#settle(subject),
      ...(backOffMs === undefined ? {} : { backOffMs }),
    });
  }

  /** Events that `work` records carry this request. */
  during<T>(request: RequestReference, work: () => T): T {
    this.#request = request;
    try {
      return work();
    } finally {
      this.#request = { id: null, idempotency_key: null };
    }
  }

  record(type: EventType, object: StripeObject, previous?: Record<string, unknown>): void {
    const event = newEvent(type, object, Math.floor(this.#clock.nowSeconds()), this.#request, previous);
    const receivers = [...this.#state.endpoints.values()].filter((endpoint) => wants(endpoint, type));
    this.#state.events.put({ ...event, pending_webhooks: receivers.length });
    for (const { name } of receivers) this.queue.add(name, event.id);
  }

  /** Sends an event again, to one endpoint or to all, whatever they are subscribed to. */
  replay(id: string, { endpoint, times }: { endpoint?: string | undefined; times: number }): Delivery[] {
    if (this.#state.events.find(id) === undefined) throw new HttpRefusal(404, `There is no event ${id}`);
    if (endpoint !== undefined && !this.#state.endpoints.has(endpoint))
      throw new HttpRefusal(404, `There is no webhook endpoint ${endpoint}`);
    const names =
      endpoint === undefined ? [...this.#state.endpoints.values()].map(({ name }) => name) : [endpoint];
    return names.flatMap((name) => Array.from({ length: times }, () => this.queue.add(name, id)));
  }

  /** Signed anew at each attempt (docs.stripe.com/webhooks#verify-manually). */
  async #send({ target, subject }: Delivery, signal: AbortSignal): Promise<number> {
    const endpoint = this.#state.endpoints.get(target);
    const event = this.#state.events.find(subject);
    if (endpoint === undefined || event === undefined)
      throw new Error(`The webhook endpoint ${target} or the event ${subject} is gone`);
    const payload = JSON.stringify(event, null, 2);
    return post(
      endpoint.url,
      {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'stripe-signature': signatureHeader(payload, endpoint.secret, Math.floor(this.#clock.nowSeconds())),
      },
      payload,
      signal,
    );
  }

  #settle(id: string): void {
    const event: StripeEvent | undefined = this.#state.events.find(id);
    if (event !== undefined)
      this.#state.events.put({ ...event, pending_webhooks: this.queue.waitingFor(id) });
  }
}

function wants({ enabledEvents }: WebhookEndpoint, type: string): boolean {
  return enabledEvents.includes('*') || enabledEvents.includes(type);
}

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.payload">` */
export function signatureHeader(payload: string, secret: string, timestamp: number): string {
  const signature = createHmac('sha256', secret).update(`${timestamp}.${payload}`).digest('hex');
  return `t=${timestamp},v1=${signature}`;
}

import type { IncomingMessage } from 'node:http';
import { HttpAnswer, HttpRefusal } from '../kernel/http-answer.ts';
import { readBody } from '../kernel/request-body.ts';
import type { Store } from '../kernel/store.ts';
import type { CheckoutSession } from './objects.ts';
import { readPayForm } from './pay-form.ts';
import { closedPage, missingPage, payPage } from './pay-page.ts';
import type { Payments } from './payments.ts';
import type { StripeState } from './state.ts';

const maxFormBytes = 16 * 1024;
const ownHosts = new Set(['localhost', '127.0.0.1']);
const declined = 'Your card was declined, and nothing was paid. Try another way to pay.';

/** The pay page over HTTP; `GET` looks, `POST` pays and leads back to the shop. */
export class PayRoutes {
  readonly #state: StripeState;
  readonly #payments: Payments;
  readonly #store: Store;

  constructor(parts: { state: StripeState; payments: Payments; store: Store }) {
    this.#state = parts.state;
    this.#payments = parts.payments;
    this.#store = parts.store;
  }

  async answer(request: IncomingMessage, sessionId: string): Promise<HttpAnswer> {
    checkCaller(request);
    const session = this.#state.sessions.find(sessionId);
    if (session === undefined) return html(missingPage(), 404);
    if (request.method === 'GET') return this.#show(session);
    if (request.method !== 'POST') throw new HttpRefusal(405, 'The pay page takes GET and POST');
    const form = Object.fromEntries(
      new URLSearchParams((await readBody(request, maxFormBytes)).toString('utf8')),
    );
    if (session.status !== 'open') return html(closedPage(session), 409);
    const read = readPayForm(session, form);
    if (!read.ok) return this.#show(session, { form, problems: read.problems, status: 422 });
    const after = this.#store.transaction(() => this.#payments.pay(session, read.attempt, read.payer));
    if (after.status === 'open') return this.#show(after, { form, failure: declined, status: 402 });
    return new HttpAnswer(303, { location: successUrl(after), 'cache-control': 'no-store' });
  }

  #show(
    session: CheckoutSession,
    more: {
      form?: Record<string, string>;
      problems?: Record<string, string>;
      failure?: string;
      status?: number;
    } = {},
  ): HttpAnswer {
    if (session.status !== 'open') return html(closedPage(session), session.status === 'expired' ? 410 : 200);
    const { form = { email: session.customer_email ?? '' }, problems = {}, failure, status = 200 } = more;
    const lineItems = this.#state.sessionDetails.get(session.id)?.lineItems ?? [];
    return html(payPage({ session, lineItems, form, problems, failure }), status);
  }
}

/** Where the payer goes; Stripe fills in the session's id for the placeholder. */
export function successUrl({ id, success_url: url }: CheckoutSession): string {
  return url.replaceAll('{CHECKOUT_SESSION_ID}', id);
}

/** Another site must not pay for somebody. */
function checkCaller({ headers }: IncomingMessage): void {
  const host = headers.host ?? '';
  if (!ownHosts.has(host.replace(/:\d+$/, '')))
    throw new HttpRefusal(403, 'The pay page answers only as localhost or 127.0.0.1');
  if (headers.origin !== undefined && headers.origin !== `http://${host}`)
    throw new HttpRefusal(403, 'Payments from pages of another origin are refused');
}

function html(page: string, status: number): HttpAnswer {
  return new HttpAnswer(
    status,
    {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
    page,
  );
}

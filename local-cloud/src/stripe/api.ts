import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { readBody } from '../kernel/request-body.ts';
import type { Environment } from '../kernel/service.ts';
import { StripeError, type StripeErrorType } from './errors.ts';
import type { Events } from './events.ts';
import { FormError, parseForm } from './form.ts';
import { findAnswer, fingerprint } from './idempotency.ts';
import { newId } from './ids.ts';
import { apiVersion } from './objects.ts';
import type { Operation } from './operations.ts';
import type { StripeState } from './state.ts';

const maxBodyBytes = 256 * 1024;

interface Call {
  operation: Operation;
  id: string;
  /** The form as it was sent: the body of a POST, the query of a GET. */
  form: string;
  endpoint: string;
  requestId: string;
  /** Only a POST's counts. */
  key: string | undefined;
}

interface Answer {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

/** The REST API on the wire: key, version, idempotency, faults, one transaction a call. */
export class StripeApi {
  readonly #environment: Environment;
  readonly #state: StripeState;
  readonly #events: Events;
  readonly #operations: readonly Operation[];
  /** Called before each operation: what is due by now happens first. */
  readonly #catchUp: () => void;
  readonly #inProgress = new Set<string>();

  constructor(parts: {
    environment: Environment;
    state: StripeState;
    events: Events;
    operations: readonly Operation[];
    catchUp: () => void;
  }) {
    this.#environment = parts.environment;
    this.#state = parts.state;
    this.#events = parts.events;
    this.#operations = parts.operations;
    this.#catchUp = parts.catchUp;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = newId('req_', 14);
    const answer = await this.#answer(request, requestId).catch((error: unknown) => this.#refusal(error));
    if (answer === undefined) {
      request.socket.destroy();
      return;
    }
    const key = request.headers['idempotency-key'];
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'request-id': requestId,
      'stripe-version': apiVersion,
      ...(typeof key === 'string' && request.method === 'POST' ? { 'idempotency-key': key } : {}),
      ...answer.headers,
      ...(request.complete ? {} : { connection: 'close' }),
    });
    response.end(answer.body);
  }

  /** Undefined: the connection is to end without an answer. */
  async #answer(request: IncomingMessage, requestId: string): Promise<Answer | undefined> {
    checkKey(request.headers.authorization);
    checkVersion(request.headers['stripe-version']);
    const call = this.#find(request, await readForm(request), requestId);
    const { operation, id, key } = call;
    const fault = this.#environment.faults.take('stripe', operation.name, id);
    if (fault?.kind === 'error')
      throw new StripeError(fault.message, {
        status: fault.status,
        type: typeOf(fault.status),
        code: fault.code,
      });
    if (fault?.kind === 'drop') return undefined;
    if (key !== undefined && this.#inProgress.has(key))
      throw new StripeError(
        'There is currently another in-progress request using this Idempotent Key. Please try again later.',
        { status: 409, type: 'idempotency_error', code: 'idempotency_key_in_use' },
      );
    if (key !== undefined) this.#inProgress.add(key);
    try {
      if (fault?.kind === 'delay') await delay(fault.ms);
      const answer = this.#perform(call);
      return fault?.kind === 'lose-answer' ? undefined : answer;
    } finally {
      if (key !== undefined) this.#inProgress.delete(key);
    }
  }

  #find(request: IncomingMessage, form: string, requestId: string): Call {
    const { method = 'GET' } = request;
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    for (const operation of this.#operations) {
      const params = operation.method === method ? operation.pattern.match(path) : undefined;
      if (params === undefined) continue;
      const key = request.headers['idempotency-key'];
      return {
        operation,
        id: params['id'] ?? '',
        form,
        endpoint: path,
        requestId,
        key: method === 'POST' && typeof key === 'string' && key !== '' ? key : undefined,
      };
    }
    throw new StripeError(
      `Unrecognized request URL (${method}: ${path}). The README of the stand-in lists what it has.`,
      { status: 404 },
    );
  }

  #perform(call: Call): Answer {
    const { key, requestId } = call;
    const now = this.#environment.clock.nowSeconds();
    if (key !== undefined) {
      const stored = findAnswer(this.#state, key, { endpoint: call.endpoint, body: call.form }, now);
      if (stored !== undefined)
        return {
          status: stored.status,
          body: stored.body,
          headers: { 'idempotent-replayed': 'true', 'original-request': stored.requestId },
        };
    }
    this.#catchUp();
    // What is refused here has not begun, so the key stays free for the mended request.
    const work = call.operation.prepare(parseForm(call.form), call.id);
    const keep = (answer: Answer): Answer => {
      if (key !== undefined)
        this.#state.answers.put(key, {
          endpoint: call.endpoint,
          fingerprint: fingerprint(call.form),
          requestId,
          ...answer,
          createdAt: now,
        });
      return answer;
    };
    try {
      return this.#environment.store.transaction(() =>
        this.#events.during({ id: requestId, idempotency_key: key ?? null }, () =>
          keep({ status: 200, body: JSON.stringify(work(), null, 2) }),
        ),
      );
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
      return keep({ status: error.status, body: JSON.stringify(error, null, 2) });
    }
  }

  #refusal(error: unknown): Answer {
    if (error instanceof StripeError) return { status: error.status, body: JSON.stringify(error, null, 2) };
    if (error instanceof FormError || error instanceof HttpRefusal) {
      const status = error instanceof HttpRefusal ? error.status : 400;
      return { status, body: JSON.stringify(new StripeError(error.message, { status }), null, 2) };
    }
    this.#environment.log.error({ err: error }, 'stripe call failed');
    const failed = new StripeError('The stand-in failed; its log says why.', {
      status: 500,
      type: 'api_error',
    });
    return { status: 500, body: JSON.stringify(failed, null, 2) };
  }
}

async function readForm(request: IncomingMessage): Promise<string> {
  const query = (request.url ?? '').split('?')[1] ?? '';
  if (request.method !== 'POST') return query;
  const body = await readBody(request, maxBodyBytes);
  const type = request.headers['content-type'] ?? '';
  if (body.length > 0 && !type.startsWith('application/x-www-form-urlencoded'))
    throw new StripeError(
      `Invalid request: send the parameters as application/x-www-form-urlencoded, not as ${type || 'nothing'}.`,
    );
  return body.toString('utf8');
}

/** A key for test mode, as a bearer token or as the user of Basic authentication. */
function checkKey(authorization: string | undefined): void {
  const [scheme = '', credentials = ''] = (authorization ?? '').split(' ');
  const key =
    scheme.toLowerCase() === 'basic'
      ? (Buffer.from(credentials, 'base64').toString('utf8').split(':')[0] ?? '')
      : credentials;
  if (key === '')
    throw new StripeError(
      "You did not provide an API key. Send it in the Authorization header as 'Bearer YOUR_SECRET_KEY'.",
      { status: 401 },
    );
  if (/^(sk|rk)_live_/.test(key))
    throw new StripeError('This is a stand-in: it takes no live key. Use one that starts with sk_test_.', {
      status: 401,
    });
  if (!/^(sk|rk)_test_\w+$/.test(key))
    throw new StripeError(`Invalid API Key provided: ${key.slice(0, 3)}${'*'.repeat(8)}`, { status: 401 });
}

function checkVersion(version: string | string[] | undefined): void {
  if (version !== undefined && version !== apiVersion)
    throw new StripeError(
      `Invalid Stripe API version: ${String(version)}. The stand-in has the shapes of ${apiVersion} only.`,
    );
}

function typeOf(status: number): StripeErrorType {
  if (status === 402) return 'card_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { HttpRefusal } from '../kernel/http-answer.ts';
import { readBody } from '../kernel/request-body.ts';
import type { Environment } from '../kernel/service.ts';
import { TokenBucket } from '../kernel/token-bucket.ts';
import { codes, EiotclubError } from './errors.ts';
import type { Method } from './methods.ts';
import { isSigned } from './signature.ts';
import type { EiotclubState } from './state.ts';

const maxBodyBytes = 256 * 1024;
const windowSeconds = 300;
/** Per account (open platform, "interface description"). */
const callsPerSecond = 10;

const systemSchema = z.looseObject({
  appkey: z.string(),
  timestamp: z.coerce.string().regex(/^\d{10}$/, 'must have 10 digits'),
  nonce: z.coerce.string().regex(/^[1-9]\d{4}$/, 'must have 5 digits'),
  sign: z.string(),
});

interface Envelope {
  status: number;
  body: { code: string; message: string; data: unknown };
}

/** The open platform on the wire: POST, envelope, signature, time, rate, faults. */
export class EiotclubApi {
  readonly #environment: Environment;
  readonly #state: EiotclubState;
  readonly #methods: Readonly<Record<string, Method>>;
  readonly #catchUp: () => void;
  readonly #bucket: TokenBucket;
  /** Signatures seen within the window, and when they may be forgotten. */
  readonly #seen = new Map<string, number>();

  constructor(parts: {
    environment: Environment;
    state: EiotclubState;
    methods: Readonly<Record<string, Method>>;
    catchUp: () => void;
  }) {
    this.#environment = parts.environment;
    this.#state = parts.state;
    this.#methods = parts.methods;
    this.#catchUp = parts.catchUp;
    this.#bucket = new TokenBucket(parts.environment.clock, callsPerSecond);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request).catch((error: unknown) => this.#refusal(error));
    if (answer === 'lost') {
      request.socket.destroy();
      return;
    }
    // The caller's patience ends it.
    if (answer === 'never') return;
    response.writeHead(answer.status, {
      'content-type': 'application/json;charset=utf-8',
      ...(request.complete ? {} : { connection: 'close' }),
    });
    response.end(JSON.stringify(answer.body));
  }

  async #answer(request: IncomingMessage): Promise<Envelope | 'lost' | 'never'> {
    const [, name = ''] = /^\/api\/v3\/([\w/]+)$/.exec(request.url ?? '') ?? [];
    const method = Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
    if (request.method !== 'POST' || method === undefined)
      throw new EiotclubError('noSuchMethod', `There is no method ${request.method} ${request.url}`, 404);
    const text = (await readBody(request, maxBodyBytes)).toString('utf8');
    const parameters = this.#check(request, text);
    if (this.#environment.faults.throttling && !this.#bucket.tryTake())
      throw new EiotclubError('tooManyRequests', 'More than 10 requests a second', 429);
    const fault = this.#environment.faults.take('eiotclub', name, iccidOf(parameters));
    if (fault?.kind === 'error')
      return { status: fault.status, body: { code: fault.code, message: fault.message, data: null } };
    if (fault?.kind === 'custom' && fault.name === 'refuse')
      return {
        status: 200,
        body: { code: codeOf(fault.value), message: 'Injected fault', data: null },
      };
    if (fault?.kind === 'drop') return 'lost';
    if (fault?.kind === 'delay') await delay(fault.ms);
    const { store } = this.#environment;
    store.transaction(() => this.#catchUp());
    const data = store.transaction(() => method(parameters));
    if (fault?.kind === 'lose-answer') return 'lost';
    if (fault?.kind === 'custom' && fault.name === 'hang') return 'never';
    return { status: 200, body: { code: '200', message: 'success', data } };
  }

  #check(request: IncomingMessage, text: string): Record<string, unknown> {
    if (request.headers['content-type']?.startsWith('application/json') !== true)
      throw new EiotclubError('badParameter', 'Send the parameters as application/json');
    const parsed = systemSchema.safeParse(parseJson(text));
    if (!parsed.success) throw parsed.error;
    const { appkey, timestamp, nonce, sign, ...parameters } = parsed.data;
    const { account } = this.#state;
    if (appkey !== account.appKey) throw new EiotclubError('wrongAppkey', 'The appkey is unknown');
    if (!isSigned(text, sign, account.secret)) throw new EiotclubError('wrongSign', 'The sign is wrong');
    const now = this.#environment.clock.nowSeconds();
    if (Math.abs(now - Number(timestamp)) > windowSeconds)
      throw new EiotclubError('staleTimestamp', `The timestamp is more than ${windowSeconds} s off`);
    for (const [seen, until] of this.#seen) if (until < now) this.#seen.delete(seen);
    const once = `${timestamp}.${nonce}.${sign}`;
    if (this.#seen.has(once)) throw new EiotclubError('badNonce', 'This very request was made before');
    this.#seen.set(once, Number(timestamp) + windowSeconds);
    return parameters;
  }

  #refusal(error: unknown): Envelope {
    if (error instanceof EiotclubError)
      return { status: error.status, body: { code: error.code, message: error.message, data: null } };
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      const message = `${issue?.path.join('.') || 'the body'}: ${issue?.message}`;
      return { status: 200, body: { code: codes.badParameter, message, data: null } };
    }
    if (error instanceof HttpRefusal)
      return { status: error.status, body: { code: codes.badParameter, message: error.message, data: null } };
    this.#environment.log.error({ err: error }, 'eiotclub call failed');
    return {
      status: 500,
      body: { code: codes.internal, message: 'The stand-in failed; its log says why', data: null },
    };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EiotclubError('badParameter', 'The body is not JSON');
  }
}

function iccidOf({ iccid }: Record<string, unknown>): string | undefined {
  return typeof iccid === 'string' ? iccid : undefined;
}

function codeOf(value: unknown): string {
  return typeof value === 'string' ? value : codes.internal;
}

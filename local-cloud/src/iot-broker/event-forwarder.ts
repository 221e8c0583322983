import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { AwsError } from '../kernel/aws-error.ts';
import type { Environment } from '../kernel/service.ts';
import type { Table } from '../kernel/store.ts';
import type { Message, MessageBus } from './message.ts';
import { type Endpoint, SignedPoster } from './signed-poster.ts';

/**
 * Stands in for a topic rule with its HTTPS action: posts what boards publish, and the begin and end of their
 * connections, to the backend. In order per thing, at least once, the queue kept on disk.
 */
export class EventForwarder {
  readonly adminRoutes: readonly AdminRoute[];
  readonly #environment: Pick<Environment, 'clock' | 'log' | 'store'>;
  readonly #settings: Table<Endpoint>;
  readonly #queue: Table<QueuedEvent>;
  readonly #poster: SignedPoster;
  readonly #keysByThing = new Map<string, string[]>();
  readonly #sending = new Set<Promise<void>>();
  readonly #history: string[] = [];
  readonly #counters = { queued: 0, forwarded: 0, retried: 0, refused: 0, unreadable: 0, overflowed: 0 };
  #lastError: string | undefined;
  #lastKey = 0;
  #running: AbortController | undefined;

  constructor(environment: Pick<Environment, 'clock' | 'log' | 'store'>) {
    this.#environment = environment;
    this.#settings = environment.store.table('iot-broker.forwarder');
    this.#queue = environment.store.table('iot-broker.forwarder-queue');
    this.#poster = new SignedPoster(environment.clock);
    this.adminRoutes = this.#routes();
  }

  attach(bus: MessageBus): void {
    bus.tap((message) => this.#take(message));
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    this.#keysByThing.clear();
    for (const [key, { thing }] of this.#queue.entries()) {
      this.#lastKey = Math.max(this.#lastKey, Number(key));
      this.#line(thing).push(key);
    }
    this.#wake();
  }

  /** What is not delivered stays queued for the next start. */
  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    await Promise.all(this.#sending);
    this.#poster.close();
  }

  /** The store was emptied. Senders that are under way end, so that what comes now does not wait for their next try. */
  reset(): void {
    this.#keysByThing.clear();
    this.#history.length = 0;
    if (this.#running === undefined) return;
    this.#running.abort();
    this.#running = new AbortController();
  }

  /** Without `endpoint`, messages wait in the queue. */
  configure(endpoint: Endpoint): void {
    this.#settings.put('endpoint', endpoint);
    this.#wake();
  }

  status(): Record<string, unknown> {
    return {
      url: this.#settings.get('endpoint')?.url,
      waiting: this.#queue.size,
      ...this.#counters,
      lastError: this.#lastError,
    };
  }

  /** Posts the last bodies again, byte for byte under a fresh signature, oldest first. */
  async replay(count: number): Promise<{ status: number }[]> {
    const endpoint = this.#settings.get('endpoint');
    if (endpoint === undefined)
      throw new AwsError('InvalidRequestException', 400, 'PUT /_local/event-forwarder first');
    const results: { status: number }[] = [];
    for (const body of this.#history.slice(-count)) {
      results.push({ status: await this.#poster.post(endpoint, body, AbortSignal.timeout(postTimeoutMs)) });
    }
    return results;
  }

  #take(message: Message): void {
    const origin = originOf(message.topic);
    if (origin === undefined) return;
    let payload: unknown;
    try {
      payload = JSON.parse(message.payload.toString('utf8'));
    } catch {
      // A topic rule cannot read it either.
      this.#counters.unreadable += 1;
      this.#environment.log.warn({ topic: message.topic }, 'not forwarded: the payload is no JSON');
      return;
    }
    const body = JSON.stringify({
      ...origin,
      topic: message.topic,
      received_at: this.#environment.clock.now(),
      payload,
    });
    const key = String(++this.#lastKey).padStart(16, '0');
    this.#queue.put(key, { thing: origin.thing, body });
    this.#line(origin.thing).push(key);
    this.#counters.queued += 1;
    if (this.#queue.size > maxQueued) this.#dropOldest();
    this.#wake();
  }

  #dropOldest(): void {
    const [oldest] = this.#queue.entries();
    if (oldest === undefined) return;
    const [key, { thing }] = oldest;
    this.#queue.delete(key);
    const line = this.#line(thing);
    line.splice(line.indexOf(key), 1);
    this.#counters.overflowed += 1;
  }

  #line(thing: string): string[] {
    const existing = this.#keysByThing.get(thing);
    if (existing !== undefined) return existing;
    const made: string[] = [];
    this.#keysByThing.set(thing, made);
    return made;
  }

  readonly #busy = new Set<string>();

  /** Starts a sender for every thing that has messages and none, as far as there is room. */
  #wake(): void {
    const running = this.#running;
    if (running === undefined || !this.#settings.has('endpoint')) return;
    for (const thing of this.#keysByThing.keys()) {
      if (this.#busy.size >= maxParallel) return;
      if (this.#busy.has(thing)) continue;
      this.#busy.add(thing);
      const sending = this.#drain(thing, running.signal)
        .catch((error: unknown) => this.#environment.log.error({ err: error, thing }, 'forwarding failed'))
        .finally(() => {
          this.#busy.delete(thing);
          this.#sending.delete(sending);
          this.#wake();
        });
      this.#sending.add(sending);
    }
  }

  /** Sends one thing's messages in order until none is left. */
  async #drain(thing: string, signal: AbortSignal): Promise<void> {
    const line = this.#line(thing);
    let attempt = 0;
    for (let key = line[0]; key !== undefined && !signal.aborted; key = line[0]) {
      const event = this.#queue.get(key);
      if (event === undefined || (await this.#send(event, signal))) {
        attempt = 0;
        this.#queue.delete(key);
        if (line[0] === key) line.shift();
      } else {
        attempt += 1;
        this.#counters.retried += 1;
        await pause(backOffMs(attempt), signal);
      }
    }
    // After a reset there may be a new line under the same name.
    if (line.length === 0 && this.#keysByThing.get(thing) === line) this.#keysByThing.delete(thing);
  }

  /** True when the message is done with: taken, or refused for good. */
  async #send({ body, thing }: QueuedEvent, signal: AbortSignal): Promise<boolean> {
    const endpoint = this.#settings.get('endpoint');
    if (endpoint === undefined) return false;
    let status: number;
    try {
      status = await this.#poster.post(
        endpoint,
        body,
        AbortSignal.any([signal, AbortSignal.timeout(postTimeoutMs)]),
      );
    } catch (error) {
      this.#lastError = error instanceof Error ? error.message : String(error);
      return false;
    }
    if (status >= 500 || status === 429 || status === 408) {
      this.#lastError = `answered ${status}`;
      return false;
    }
    if (status >= 300) {
      this.#counters.refused += 1;
      this.#lastError = `refused with ${status}`;
      this.#environment.log.warn({ thing, status }, 'the event endpoint refused a message for good');
      return true;
    }
    this.#counters.forwarded += 1;
    this.#history.push(body);
    if (this.#history.length > keptForReplay) this.#history.shift();
    return true;
  }

  #routes(): AdminRoute[] {
    return [
      {
        method: 'PUT',
        path: '/_local/event-forwarder',
        summary: 'Where boards’ messages and presence go: {url, secret}',
        handle: ({ body }) => {
          const parsed = endpointSchema.safeParse(body);
          if (!parsed.success)
            throw new AwsError('InvalidRequestException', 400, 'Send {"url": "http://…", "secret": "…"}');
          this.configure(parsed.data);
          return this.status();
        },
      },
      {
        method: 'GET',
        path: '/_local/event-forwarder',
        summary: 'Counters and queue of the event forwarder',
        handle: () => this.status(),
      },
      {
        method: 'POST',
        path: '/_local/event-forwarder/replay',
        summary: `Post the last {count} forwarded messages again (of ${keptForReplay} kept)`,
        handle: async ({ body }) => {
          const parsed = replaySchema.safeParse(body ?? {});
          if (!parsed.success)
            throw new AwsError('InvalidRequestException', 400, `Send {"count": 1 to ${keptForReplay}}`);
          return { results: await this.replay(parsed.data.count) };
        },
      },
    ];
  }
}

const maxQueued = 10_000;
const maxParallel = 32;
const keptForReplay = 200;
const postTimeoutMs = 10_000;

const endpointSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }), secret: z.string().min(1) });
const replaySchema = z.strictObject({ count: z.int().min(1).max(keptForReplay).default(1) });

interface QueuedEvent {
  thing: string;
  /** The request body, kept as bytes go out: a retry repeats it exactly. */
  body: string;
}

/** Which rule a topic falls under, and whose message it is; undefined for one that no rule takes. */
function originOf(topic: string): { kind: string; thing: string } | undefined {
  const [, thing, kind] = /^aovis\/([^/]+)\/(event|telemetry|lwt)$/.exec(topic) ?? [];
  if (thing !== undefined && kind !== undefined) return { kind, thing };
  const [, answering] = /^aovis\/([^/]+)\/command\/[^/]+\/ack$/.exec(topic) ?? [];
  if (answering !== undefined) return { kind: 'command_ack', thing: answering };
  const [, proving] = /^aovis\/([^/]+)\/binding\/proof$/.exec(topic) ?? [];
  if (proving !== undefined) return { kind: 'binding_proof', thing: proving };
  const [, clientId] = /^\$aws\/events\/presence\/(?:dis)?connected\/(.+)$/.exec(topic) ?? [];
  return clientId === undefined ? undefined : { kind: 'presence', thing: clientId };
}

/** 100 ms doubling to 10 s, half of it random, so that a fleet's messages do not come back in step. */
function backOffMs(attempt: number): number {
  const ceiling = Math.min(10_000, 100 * 2 ** Math.min(attempt - 1, 10));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

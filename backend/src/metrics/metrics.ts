import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { WebhookOutcome } from '../features/webhooks/signed-webhook-service.ts';

/** How one request was answered. `route` is the template, `code` that of a refusal. */
export interface AnsweredRequest {
  method: string;
  route: string;
  status: number;
  seconds: number;
  code: string | undefined;
}

/** Answers come from memory and a few index look-ups; what waits for a board or AWS takes seconds. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const jobBuckets = [0.01, 0.1, 1, 10, 60, 300];

/**
 * What the operator watches, in Prometheus' terms. Labels hold names that the program itself makes up (routes, codes,
 * topics), never anything from outside: their number is bounded.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #refusals: Counter<'code'>;
  readonly #outbox: Counter<'topic' | 'outcome'>;
  readonly #jobs: Histogram<'job' | 'outcome'>;
  readonly #webhooks: Counter<'endpoint' | 'outcome'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Histogram({
      name: 'aovis_http_request_seconds',
      help: 'Time from a request’s arrival to the end of its answer',
      labelNames: ['method', 'route', 'status'],
      buckets: requestBuckets,
      registers,
    });
    this.#refusals = new Counter({
      name: 'aovis_http_refusals_total',
      help: 'Requests that were refused, by error code',
      labelNames: ['code'],
      registers,
    });
    this.#outbox = new Counter({
      name: 'aovis_outbox_handled_total',
      help: 'Outbox messages that a handler was given: done, failed (comes again) or dead (a person must look)',
      labelNames: ['topic', 'outcome'],
      registers,
    });
    this.#jobs = new Histogram({
      name: 'aovis_job_seconds',
      help: 'Runs of scheduled jobs on this instance',
      labelNames: ['job', 'outcome'],
      buckets: jobBuckets,
      registers,
    });
    this.#webhooks = new Counter({
      name: 'aovis_webhook_events_total',
      help: 'Signed events of partners: applied, ignored, duplicate, refused (bad signature), livemode_mismatch, unknown',
      labelNames: ['endpoint', 'outcome'],
      registers,
    });
  }

  answered({ method, route, status, seconds, code }: AnsweredRequest): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
    if (code !== undefined) this.#refusals.inc({ code });
  }

  outboxHandled(topic: string, outcome: 'done' | 'failed' | 'dead'): void {
    this.#outbox.inc({ topic, outcome });
  }

  jobRan({ name, ok, seconds }: { name: string; ok: boolean; seconds: number }): void {
    this.#jobs.observe({ job: name, outcome: ok ? 'done' : 'failed' }, seconds);
  }

  webhook(endpoint: string, outcome: WebhookOutcome): void {
    this.#webhooks.inc({ endpoint, outcome });
  }
}

import type { WebhookReceived } from '@aovis/contracts/http/webhooks';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { RefusalBudget } from '../audit/refusal-budget.ts';
import type { SignatureVerdict, SignatureVerifier } from './webhook-ports.ts';
import { KnexWebhookRepository } from './webhook-repository.ts';

export interface SignedWebhookDependencies {
  db: Database;
  clock: Clock;
  verifier: SignatureVerifier;
  /** Name of the endpoint in the database and the audit log, e.g. `stripe-orders`. Never changes. */
  endpoint: string;
  /** Undefined while the operator has not set it: every event is refused then, so that the partner keeps it. */
  secret: string | undefined;
  /** Told what became of each event, for metrics. */
  onOutcome?: (endpoint: string, outcome: WebhookOutcome) => void;
}

export interface WebhookEvent {
  /** The partner's id of the event: the same one is applied once. */
  id: string;
  type: string;
  /** What is worth keeping of the event, as JSON; nothing by default. Bodies hold addresses of people. */
  kept?: Record<string, unknown>;
}

export type WebhookOutcome = Applied | 'duplicate' | 'refused' | 'livemode_mismatch' | 'unknown';

/** `ignored`: nothing to do with this endpoint. */
export type Applied = 'applied' | 'ignored';

/**
 * The frame of every webhook: first `assertSigned` on the raw body, then `take` on what it says. The note that an
 * event was taken and everything it changes are one transaction: when anything throws, nothing was taken, the partner
 * is answered with an error and sends the event again.
 */
export class SignedWebhookService {
  readonly #dependencies: SignedWebhookDependencies;
  readonly #refusals: RefusalBudget;

  constructor(dependencies: SignedWebhookDependencies) {
    this.#dependencies = dependencies;
    this.#refusals = new RefusalBudget(dependencies.clock);
  }

  /** @throws AppError webhook_not_configured, invalid_signature; nothing of the body was looked at then */
  async assertSigned(
    request: { rawBody: Buffer; signature: string | undefined },
    requestId: string,
  ): Promise<void> {
    const { clock, verifier, secret } = this.#dependencies;
    // Before verifying: without a secret every signature would be called wrong, and the partner would give up.
    if (secret === undefined) throw new AppError('webhook_not_configured');
    const verdict = verifier.verify({ ...request, secret, now: clock.now() });
    if (verdict === 'ok') return;
    this.count('refused');
    await this.#recordRefusal(verdict, requestId);
    throw new AppError('invalid_signature');
  }

  /** Notes the event and applies it, once. `apply` does nothing but talk to its transaction: it may run again. */
  async take(event: WebhookEvent, apply: (trx: Database) => Promise<Applied>): Promise<WebhookReceived> {
    const { db, clock, endpoint } = this.#dependencies;
    const outcome = await transaction(db, async (trx) => {
      const isNew = await new KnexWebhookRepository(trx).note({
        endpoint,
        eventId: event.id,
        type: event.type,
        kept: event.kept ?? {},
        receivedAt: clock.now(),
      });
      return isNew ? apply(trx) : 'duplicate';
    });
    this.count(outcome);
    return { received: true, ...(outcome !== 'applied' && { [outcome]: true as const }) };
  }

  /** Counts an event for the operator; `take` and `assertSigned` do so themselves. */
  count(outcome: WebhookOutcome): void {
    this.#dependencies.onOutcome?.(this.#dependencies.endpoint, outcome);
  }

  async #recordRefusal(verdict: SignatureVerdict, requestId: string): Promise<void> {
    const noted = this.#refusals.take();
    if (noted === undefined) return;
    const { db, endpoint } = this.#dependencies;
    await transaction(db, (trx) =>
      record(trx, {
        action: 'webhook.receive',
        actor: { kind: 'anonymous' },
        subject: { kind: 'webhook', id: endpoint },
        outcome: 'refused',
        details: { code: 'invalid_signature', verdict, ...noted },
        requestId,
      }),
    );
  }
}

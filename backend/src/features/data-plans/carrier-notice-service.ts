import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { findIccidOfEid, noteUsageAlert } from '../sim/sim-service.ts';
import type { SignedWebhookService } from '../webhooks/signed-webhook-service.ts';
import { dataPlanRefreshTopic, outboxKeyOf, type RefreshPayload } from './data-plan-topics.ts';
import { KnexPurchaseRepository } from './purchase-repository.ts';
import { purchaseIdOf } from './purchase-rules.ts';
import type { CarrierNotice, CarrierNotices, CarrierReference } from './sim-carrier.ts';

export interface CarrierNoticeDependencies {
  db: Database;
  clock: Clock;
  webhook: SignedWebhookService;
  notices: CarrierNotices;
  log: Logger;
}

/** Takes what the carrier tells by itself. It is believed only as far as «ask me about this». */
export class CarrierNoticeService {
  readonly #dependencies: CarrierNoticeDependencies;

  constructor(dependencies: CarrierNoticeDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError webhook_not_configured, invalid_signature */
  async assertSigned(rawBody: Buffer, requestId: string): Promise<void> {
    await this.#dependencies.webhook.assertSigned({ rawBody, signature: undefined }, requestId);
  }

  /** @throws AppError invalid_request; nothing was kept then */
  async take(rawBody: Buffer, requestId: string): Promise<void> {
    const notice = await this.#read(rawBody, requestId);
    const { webhook, log } = this.#dependencies;
    const { id, event, kept } = notice;
    const { duplicate } = await webhook.take({ id, type: event, kept }, (trx) =>
      this.#apply(trx, notice, requestId),
    );
    if (notice.kind === 'unknown' && !duplicate) {
      webhook.count('unknown');
      log.warn({ eventId: id, event }, 'the carrier sent an event that is not known; it was kept');
    }
  }

  async #read(rawBody: Buffer, requestId: string): Promise<CarrierNotice> {
    try {
      return this.#dependencies.notices.read(rawBody);
    } catch (error) {
      if (error instanceof AppError) await this.#recordRefusal(error, requestId);
      throw error;
    }
  }

  async #apply(trx: Database, notice: CarrierNotice, requestId: string): Promise<'applied' | 'ignored'> {
    if (notice.kind === 'unknown') return 'ignored';
    if (notice.kind === 'usage_alert') {
      await this.#noteAlert(trx, notice);
      return 'applied';
    }
    const purchaseIds = await this.#purchasesOf(trx, notice);
    for (const purchaseId of purchaseIds) {
      const payload: RefreshPayload = {
        purchase_id: purchaseId,
        refunded: notice.kind === 'order_refunded',
      };
      await enqueue(trx, { topic: dataPlanRefreshTopic, key: outboxKeyOf(purchaseId), payload, requestId });
    }
    await record(trx, {
      action: 'carrier.notice',
      actor: { kind: 'system' },
      subject: { kind: 'carrier_notice', id: notice.id },
      outcome: 'ok',
      details: { event: notice.event, purchases: purchaseIds },
      requestId,
    });
    return 'applied';
  }

  async #noteAlert(trx: Database, { alert, about }: CarrierNotice): Promise<void> {
    const now = this.#dependencies.clock.now();
    for (const reference of about) {
      const iccid = await iccidOf(trx, reference);
      if (iccid !== undefined && alert !== undefined) await noteUsageAlert(trx, { iccid, alert, now });
    }
  }

  /** A handle of ours or the carrier's names one order; a card alone all that are open on it. */
  async #purchasesOf(trx: Database, { about }: CarrierNotice): Promise<string[]> {
    const purchases = new KnexPurchaseRepository(trx);
    const found = new Set<string>();
    for (const reference of about) {
      const { outTradeNo, orderId } = reference;
      const id = outTradeNo === undefined ? undefined : purchaseIdOf(outTradeNo);
      const iccid = await iccidOf(trx, reference);
      for (const one of await purchases.findIdsAbout({ id, carrierOrderId: orderId, iccid })) found.add(one);
    }
    return [...found];
  }

  /** Signed well and yet not what the carrier sends: somebody may be splitting fields anew. */
  async #recordRefusal({ code, details }: AppError, requestId: string): Promise<void> {
    await transaction(this.#dependencies.db, (trx) =>
      record(trx, {
        action: 'carrier.notice',
        actor: { kind: 'anonymous' },
        subject: { kind: 'carrier_notice' },
        outcome: 'refused',
        details: { code, fields: Array.isArray(details) ? details.map(({ path }) => String(path)) : [] },
        requestId,
      }),
    );
  }
}

async function iccidOf(trx: Database, { iccid, eid }: CarrierReference): Promise<string | undefined> {
  return iccid ?? (eid === undefined ? undefined : await findIccidOfEid(trx, eid));
}

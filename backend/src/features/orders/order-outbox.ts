import type { Database } from '../../db/database.ts';
import type { Mailer } from '../../mail/mailer.ts';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import type { CheckoutService } from './checkout-service.ts';
import { confirmationMail } from './order-mail.ts';
import {
  confirmTopic,
  expireTopic,
  orderPayloadSchema,
  refundPayloadSchema,
  refundTopic,
} from './order-messages.ts';
import { KnexOrderRepository } from './order-repository.ts';
import type { RefundService } from './refund-service.ts';

export interface OrderEffects {
  db: Database;
  checkouts: CheckoutService;
  /** Undefined while the shop is not configured. */
  refunds: RefundService | undefined;
  mailer: Mailer;
}

/** The handlers by topic. Each may run more than once. */
export function orderOutboxHandlers({ db, checkouts, refunds, mailer }: OrderEffects): OutboxHandlers {
  return {
    [expireTopic]: async (payload, { requestId }) => {
      await checkouts.expire(orderPayloadSchema.parse(payload).order_id, requestId);
    },
    [confirmTopic]: async (payload) => {
      const { order_id } = orderPayloadSchema.parse(payload);
      const order = await new KnexOrderRepository(db).find(order_id);
      if (order?.email !== undefined) await mailer.send(confirmationMail(order.email, order));
    },
    ...(refunds !== undefined && {
      [refundTopic]: async (payload, { requestId }) => {
        const { order_id: orderId, refund_request_id: refundRequestId } = refundPayloadSchema.parse(payload);
        await refunds.carryOut({ orderId, refundRequestId }, requestId);
      },
    }),
  };
}

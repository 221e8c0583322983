import * as z from 'zod';
import type { Database } from '../../db/database.ts';
import { enqueue, type OutboxHandlers } from '../../outbox/outbox.ts';
import { eraseRecordedData } from './recorded-data.ts';

/** Removes what was recorded while a closed account owned devices: too much for the transaction that closes it. */
export const eraseRecordedTopic = 'account.erase-recorded';

const payloadSchema = z.strictObject({ user_id: z.uuid() });

/**
 * What is removed with an account, beside its own row, its sessions and its devices. Each statement is given `:userId`
 * and `:email`, the verified address or null.
 */
const statements = [
  'DELETE FROM identities WHERE user_id = :userId',
  'DELETE FROM account_consents WHERE user_id = :userId',
  'DELETE FROM activation_attempts WHERE user_id = :userId',
  'DELETE FROM device_claims WHERE user_id = :userId',
  'DELETE FROM magic_links WHERE email = :email',
  // Answers to requests with an Idempotency-Key; their scope is the user and the route.
  `DELETE FROM idempotency_keys WHERE starts_with(scope, :userId || ' ')`,
  'UPDATE device_ownerships SET name = NULL WHERE user_id = :userId AND name IS NOT NULL',
  'UPDATE staff_invitations SET email = NULL WHERE redeemed_by = :userId OR email = :email',
  // Amounts, refunds and disputes stay: the books need them, and they name nobody.
  'UPDATE orders SET email = NULL, shipping = NULL WHERE user_id = :userId',
];

/** In the transaction that closes the account, after its devices were released. */
export async function erasePersonalData(
  trx: Database,
  { userId, email, requestId }: { userId: string; email: string | undefined; requestId: string },
): Promise<void> {
  for (const statement of statements) await trx.raw(statement, { userId, email: email ?? null });
  await enqueue(trx, {
    topic: eraseRecordedTopic,
    key: `account:${userId}`,
    payload: { user_id: userId },
    requestId,
  });
}

export function erasureOutboxHandlers(db: Database): OutboxHandlers {
  return {
    [eraseRecordedTopic]: async (payload, { signal }) => {
      await eraseRecordedData(db, payloadSchema.parse(payload).user_id, signal);
    },
  };
}

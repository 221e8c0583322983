import type { ErrorCode } from '@aovis/contracts/error-codes';
import { type Database, transaction } from '../../db/database.ts';
import { AppError } from '../../kernel/errors.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';
import type { RefusalBudget } from '../audit/refusal-budget.ts';

/** What came of a request, and what its audit row says of it. */
export type Outcome<T> =
  | { ok: true; value: T; details: Record<string, unknown>; deviceId?: string }
  /** Harmless repetition: nothing changed, nothing is recorded. */
  | { ok: true; value: T; repeated: true }
  | { ok: false; code: ErrorCode; deviceId?: string };

export interface Settlement {
  action: string;
  userId: string;
  requestId: string;
  /** Where it is known before. */
  deviceId?: string;
  refusals: RefusalBudget;
}

/**
 * Decides and changes in one transaction, and records which it was there: a refusal is a result, so that its row is
 * committed.
 * @throws AppError with the code of the refusal
 */
export async function settle<T>(
  db: Database,
  settlement: Settlement,
  work: (trx: Database) => Promise<Outcome<T>>,
): Promise<T> {
  const outcome = await transaction(db, async (trx) => {
    const result = await work(trx);
    await note(trx, settlement, result);
    return result;
  });
  if (!outcome.ok) throw new AppError(outcome.code);
  return outcome.value;
}

async function note<T>(trx: Database, settlement: Settlement, outcome: Outcome<T>): Promise<void> {
  if (outcome.ok && 'repeated' in outcome) return;
  const { action, userId, requestId, refusals } = settlement;
  const deviceId = outcome.deviceId ?? settlement.deviceId;
  const entry = {
    action,
    actor: { kind: 'user', id: userId },
    subject: { kind: 'device', id: deviceId },
    requestId,
  } satisfies Partial<AuditEntry>;
  if (outcome.ok) {
    await record(trx, { ...entry, outcome: 'ok', details: outcome.details });
    return;
  }
  const leftOut = refusals.take();
  if (leftOut !== undefined)
    await record(trx, { ...entry, outcome: 'refused', details: { code: outcome.code, ...leftOut } });
}

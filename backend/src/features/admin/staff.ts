import type { Database } from '../../db/database.ts';
import { transaction } from '../../db/database.ts';
import type { Actor } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';

/** A member of staff who asks, and under which request id it goes into the audit log. */
export interface Staff {
  userId: string;
  requestId: string;
}

export function actorOf({ userId }: Staff): Actor {
  return { kind: 'admin', id: userId };
}

/** Somebody changed something: in the transaction of the change. */
export async function recordChange(
  trx: Database,
  staff: Staff,
  change: { action: string; subject: { kind: string; id: string }; details: Record<string, unknown> },
): Promise<void> {
  await record(trx, { ...change, actor: actorOf(staff), outcome: 'ok', requestId: staff.requestId });
}

/** Somebody looked at what belongs to customers: one row a request. */
export async function recordReading(
  db: Database,
  staff: Staff,
  reading: { kind: string; id?: string | undefined; found: number },
): Promise<void> {
  const { kind, id, found } = reading;
  await transaction(db, (trx) =>
    record(trx, {
      action: 'admin.read',
      actor: actorOf(staff),
      subject: { kind, id },
      outcome: 'ok',
      details: { found },
      requestId: staff.requestId,
    }),
  );
}

/** Text that begins like this, whatever it holds. */
export function beginningWith(text: string): string {
  return `${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}

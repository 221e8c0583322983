import { statusOf } from '@aovis/contracts/error-codes';
import { type Database, transaction } from '../../db/database.ts';
import { AppError } from '../../kernel/errors.ts';
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

/** A change as the audit log names it. */
export interface NamedChange {
  action: `admin.${string}`;
  subject: { kind: string; id: string };
}

/**
 * Changes something, with its audit row in the same transaction. `work` talks to `trx` alone and may run again; it
 * returns what the caller wants and what the row says. When it refuses, that is on record too.
 * @throws what `work` throws
 */
export async function changeAsStaff<T>(
  db: Database,
  staff: Staff,
  { action, subject }: NamedChange,
  work: (trx: Database) => Promise<{ result: T; details: Record<string, unknown> }>,
): Promise<T> {
  const entry = { action, actor: actorOf(staff), requestId: staff.requestId };
  try {
    return await transaction(db, async (trx) => {
      const { result, details } = await work(trx);
      await record(trx, { ...entry, subject, outcome: 'ok', details });
      return result;
    });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // What does not exist is not named: people paste all kinds of things into an address.
    const named = statusOf(error.code) === 404 ? { kind: subject.kind } : subject;
    const details = { code: error.code };
    await transaction(db, (trx) => record(trx, { ...entry, subject: named, outcome: 'refused', details }));
    throw error;
  }
}

/** What is over in a moment is no refusal. */
function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.retryAfterMs === undefined;
}

/** What two versions of a thing differ in, for the audit log. */
export function differences<T extends object>(
  before: T | undefined,
  after: T,
): { before: Partial<T> | null; after: Partial<T> } {
  const names = (Object.keys(after) as (keyof T)[]).filter(
    (name) => JSON.stringify(before?.[name]) !== JSON.stringify(after[name]),
  );
  const pick = (from: T): Partial<T> =>
    Object.fromEntries(names.map((name) => [name, from[name]])) as Partial<T>;
  return { before: before === undefined ? null : pick(before), after: pick(after) };
}

export const readingAction = 'admin.read';

/** Somebody looked at what belongs to customers: one row a request. */
export async function recordReading(
  db: Database,
  staff: Staff,
  reading: { kind: string; id?: string | undefined; found: number },
): Promise<void> {
  const { kind, id, found } = reading;
  await transaction(db, (trx) =>
    record(trx, {
      action: readingAction,
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

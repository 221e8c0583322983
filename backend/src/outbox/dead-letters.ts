import type { Database } from '../db/database.ts';
import type { Position } from '../kernel/cursor.ts';
import { redact } from '../kernel/redact.ts';

/** A message that was given up: a person decides what becomes of it. */
export interface DeadLetter {
  id: string;
  topic: string;
  key: string;
  /** Without what looks like a secret. */
  payload: unknown;
  attempts: number;
  lastError: string | undefined;
  requestId: string | undefined;
  createdAt: Date;
  deadAt: Date;
}

interface Row {
  id: string;
  topic: string;
  key: string;
  payload: unknown;
  attempts: number;
  last_error: string | null;
  request_id: string | null;
  created_at: Date;
  dead_at: Date;
}

/** The latest first, those after `after` in that order. */
export async function listDeadLetters(
  db: Database,
  { limit, after }: { limit: number; after: Position | undefined },
): Promise<DeadLetter[]> {
  const query = db<Row>('outbox').whereNotNull('dead_at').orderBy('id', 'desc').limit(limit);
  if (after) query.where('id', '<', after.key);
  return (await query).map(toDeadLetter);
}

export async function findDeadLetter(db: Database, id: string): Promise<DeadLetter | undefined> {
  const row = await db<Row>('outbox').where({ id }).whereNotNull('dead_at').first();
  return row && toDeadLetter(row);
}

/** Gives it a new life: due at once, its attempts counted anew. Undefined when there is no such dead letter. */
export async function reviveDeadLetter(
  trx: Database,
  id: string,
): Promise<Pick<DeadLetter, 'topic' | 'key'> | undefined> {
  const [revived] = await trx('outbox')
    .where({ id })
    .whereNotNull('dead_at')
    .update({ dead_at: null, attempts: 0, available_at: trx.fn.now() })
    .returning<Pick<DeadLetter, 'topic' | 'key'>[]>(['topic', 'key']);
  return revived;
}

/** Removes it for good. Undefined when there is no such dead letter. */
export async function discardDeadLetter(trx: Database, id: string): Promise<DeadLetter | undefined> {
  const [row] = await trx<Row>('outbox').where({ id }).whereNotNull('dead_at').delete().returning('*');
  return row && toDeadLetter(row);
}

function toDeadLetter(row: Row): DeadLetter {
  return {
    id: row.id,
    topic: row.topic,
    key: row.key,
    payload: redact(row.payload),
    attempts: row.attempts,
    lastError: row.last_error ?? undefined,
    requestId: row.request_id ?? undefined,
    createdAt: row.created_at,
    deadAt: row.dead_at,
  };
}

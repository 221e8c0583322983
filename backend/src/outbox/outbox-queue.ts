import type { Database } from '../db/database.ts';
import { errorReason } from '../kernel/error-reason.ts';

export interface ClaimedMessage {
  id: string;
  leaseId: string;
  topic: string;
  key: string;
  payload: unknown;
  requestId: string | undefined;
  /** Counting this one. */
  attempts: number;
}

interface ClaimedRow {
  id: string;
  lease_id: string;
  topic: string;
  key: string;
  payload: unknown;
  request_id: string | null;
  attempts: number;
}

function rowToMessage({ lease_id, request_id, ...row }: ClaimedRow): ClaimedMessage {
  return { ...row, leaseId: lease_id, requestId: request_id ?? undefined };
}

/** Due, not leased, and the oldest of its key: only a message that is done or dead lets the next of its key pass. */
const ready = `
  message.dead_at IS NULL AND message.topic = ANY(:topics) AND message.available_at <= now()
  AND (message.leased_until IS NULL OR message.leased_until <= now())
  AND NOT EXISTS (
    SELECT 1 FROM outbox earlier
    WHERE earlier.key = message.key AND earlier.id < message.id AND earlier.dead_at IS NULL)`;

/** Leases the next message; undefined when none is ready. All times are the database's: instances need not agree. */
export async function claimNext(
  db: Database,
  { topics, leaseMs }: { topics: readonly string[]; leaseMs: number },
): Promise<ClaimedMessage | undefined> {
  const { rows } = await db.raw<{ rows: ClaimedRow[] }>(
    `UPDATE outbox SET attempts = attempts + 1, lease_id = gen_random_uuid(),
       leased_until = now() + :leaseMs * interval '1 ms'
     WHERE id = (SELECT id FROM outbox message WHERE ${ready} ORDER BY available_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id, lease_id, topic, key, payload, request_id, attempts`,
    { topics: [...topics], leaseMs },
  );
  return rows[0] && rowToMessage(rows[0]);
}

/** Milliseconds until a message of these topics becomes due by time alone; undefined when none waits for that. */
export async function msUntilNextDue(db: Database, topics: readonly string[]): Promise<number | undefined> {
  const { rows } = await db.raw<{ rows: { ms: number | null }[] }>(
    `SELECT extract(epoch FROM min(greatest(available_at, leased_until)) - now())::float8 * 1000 AS ms FROM outbox
     WHERE dead_at IS NULL AND topic = ANY(:topics) AND greatest(available_at, leased_until) > now()`,
    { topics: [...topics] },
  );
  return rows[0]?.ms ?? undefined;
}

/** Does nothing when the lease was lost meanwhile: the message belongs to another worker now. */
export async function finish(db: Database, { id, leaseId }: ClaimedMessage): Promise<void> {
  await db('outbox').where({ id, lease_id: leaseId }).delete();
}

/** Gives the message back, due again in `retryInMs`; without that it is dead. */
export async function fail(
  db: Database,
  { id, leaseId }: ClaimedMessage,
  { error, retryInMs }: { error: unknown; retryInMs: number | undefined },
): Promise<void> {
  await db('outbox')
    .where({ id, lease_id: leaseId })
    .update({
      lease_id: null,
      leased_until: null,
      last_error: errorReason(error),
      ...(retryInMs === undefined
        ? { dead_at: db.fn.now() }
        : { available_at: db.raw(`now() + ? * interval '1 ms'`, [retryInMs]) }),
    });
}

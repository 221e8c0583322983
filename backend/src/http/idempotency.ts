import { createHash } from 'node:crypto';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Sealer } from '../kernel/sealer.ts';

export interface StoredAnswer {
  status: number;
  body: unknown;
}

export interface IdempotentRequest {
  /** The header as it came; undefined runs the work without protection. */
  header: string | undefined;
  /** Who and which route: keys of different users or routes never meet. */
  scope: string;
  /** Parsed parts of the request; the same request has the same JSON. */
  content: unknown;
}

export interface IdempotencyDependencies {
  db: Database;
  clock: Clock;
  /** Answers hold links and tokens that are shown once: nobody reads them in the database. */
  sealer: Sealer;
}

const keptMs = 24 * 60 * 60_000;
/** A run that takes longer has died with its process; its key is free again. */
const runningMs = 60_000;

/**
 * Runs `work` once per key (draft-ietf-httpapi-idempotency-key-header-07): a repetition with the same content gets
 * the stored answer. Only answers are stored; when `work` throws, the key is free again, as nothing was done.
 * @throws AppError idempotency_key_reused, idempotency_in_progress, invalid_request
 */
export async function runOnce<Answer extends StoredAnswer>(
  { db, clock, sealer }: IdempotencyDependencies,
  request: IdempotentRequest,
  work: () => Promise<Answer>,
): Promise<Answer | StoredAnswer> {
  if (request.header === undefined) return work();
  const key = keyOf(request.header);
  const row = { scope: request.scope, key };
  const fingerprint = createHash('sha256').update(JSON.stringify(request.content)).digest();
  const place = `${row.scope} ${row.key}`;
  const earlier = await begin(db, clock.now(), { ...row, fingerprint });
  if (earlier !== undefined) return { status: earlier.status, body: opened(sealer, earlier.body, place) };
  try {
    const answer = await work();
    const { status, body } = answer;
    const expiresAt = new Date(clock.now().getTime() + keptMs);
    await db('idempotency_keys')
      .where(row)
      .update({
        status,
        body: JSON.stringify({ sealed: sealer.seal(JSON.stringify(body), place) }),
        expires_at: expiresAt,
      });
    return answer;
  } catch (error) {
    await db('idempotency_keys').where(row).whereNull('status').delete();
    throw error;
  }
}

/** @throws AppError idempotency_key_reused when the secret was changed since: the answer is lost, its work is done */
function opened(sealer: Sealer, { sealed }: SealedBody, place: string): unknown {
  const text = sealer.open(sealed, place);
  if (text === undefined) throw new AppError('idempotency_key_reused');
  return JSON.parse(text);
}

/** The draft's form is a quoted string; bare ones are common and taken too. */
function keyOf(header: string): string {
  const key = /^"([\x21\x23-\x7e]{1,255})"$/.exec(header)?.[1] ?? header;
  if (/^[\x21\x23-\x7e]{1,255}$/.test(key)) return key;
  throw new AppError('invalid_request', {
    details: [{ path: 'headers.Idempotency-Key', message: 'Expected 1 to 255 visible ASCII characters' }],
  });
}

interface SealedBody {
  sealed: string;
}

interface Row {
  scope: string;
  key: string;
  fingerprint: Buffer;
  status: number | null;
  /** Null with the status. */
  body: SealedBody;
}

/** Takes the key, or returns what an earlier request with it was answered. */
async function begin(
  db: Database,
  now: Date,
  row: Pick<Row, 'scope' | 'key' | 'fingerprint'>,
): Promise<{ status: number; body: SealedBody } | undefined> {
  await db('idempotency_keys')
    .where({ scope: row.scope, key: row.key })
    .where('expires_at', '<=', now)
    .delete();
  const taken = await db('idempotency_keys')
    .insert({ ...row, expires_at: new Date(now.getTime() + runningMs) })
    .onConflict(['scope', 'key'])
    .ignore()
    .returning<{ key: string }[]>('key');
  if (taken.length > 0) return undefined;
  const earlier = await db<Row>('idempotency_keys').where({ scope: row.scope, key: row.key }).first();
  if (earlier !== undefined && !earlier.fingerprint.equals(row.fingerprint))
    throw new AppError('idempotency_key_reused');
  if (earlier === undefined || earlier.status === null)
    throw new AppError('idempotency_in_progress', { retryAfterMs: 1_000 });
  return { status: earlier.status, body: earlier.body };
}

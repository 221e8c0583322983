import type { Database } from '../../db/database.ts';
import { type ChainHead, chainStart, problemOf } from './audit-chain.ts';
import type { AuditEntry, StoredAuditEntry } from './audit-entry.ts';

interface AuditRow {
  seq: string;
  at: Date;
  action: string;
  actor_kind: AuditEntry['actor']['kind'];
  actor_id: string | null;
  subject_kind: string;
  subject_id: string | null;
  outcome: AuditEntry['outcome'];
  details: Record<string, unknown>;
  request_id: string | null;
  previous_hash: Buffer;
  hash: Buffer;
}

function rowToEntry(row: AuditRow): StoredAuditEntry {
  return {
    seq: BigInt(row.seq),
    at: row.at,
    action: row.action,
    actor: { kind: row.actor_kind, id: row.actor_id ?? undefined },
    subject: { kind: row.subject_kind, id: row.subject_id ?? undefined },
    outcome: row.outcome,
    details: row.details,
    requestId: row.request_id ?? undefined,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

export type Verification = { ok: true; head: ChainHead } | { ok: false; problem: string };

const pageSize = 1_000;
/** The least bigint of PostgreSQL. */
const leastNumber = -(2n ** 63n);

/**
 * Walks the whole chain. `anchors` are heads noted earlier outside the database: each must still be part of it.
 * Everything is read in one snapshot, so it may run while others write.
 */
export async function verifyAuditLog(
  db: Database,
  anchors: readonly ChainHead[] = [],
): Promise<Verification> {
  const snapshot = { isolationLevel: 'repeatable read', readOnly: true } as const;
  return db.transaction(async (trx) => {
    const expected = new Map(anchors.map(({ seq, hash }) => [seq, hash]));
    let head: ChainHead = { seq: 0n, hash: chainStart };
    // Whoever forges an entry may give it any number.
    let after = leastNumber;
    for (;;) {
      const rows = await trx<AuditRow>('audit_log')
        .where('seq', '>', after.toString())
        .orderBy('seq')
        .limit(pageSize);
      for (const row of rows) {
        const entry = rowToEntry(row);
        const problem = problemOf(entry, head) ?? anchorProblem(entry, expected);
        if (problem !== undefined) return { ok: false, problem };
        head = entry;
        after = entry.seq;
      }
      if (rows.length < pageSize) break;
    }
    const problem = (await headProblem(trx, head)) ?? missingAnchor(expected, head);
    return problem === undefined
      ? { ok: true, head: { seq: head.seq, hash: head.hash } }
      : { ok: false, problem };
  }, snapshot);
}

/** The end of the chain as of now. */
export async function readHead(db: Database): Promise<ChainHead> {
  const head = await findHead(db);
  if (head === undefined) throw new Error('the head of the audit log is missing');
  return head;
}

async function findHead(db: Database): Promise<ChainHead | undefined> {
  const row = await db('audit_head').first<{ seq: string; hash: Buffer } | undefined>('seq', 'hash');
  return row && { seq: BigInt(row.seq), hash: row.hash };
}

function anchorProblem({ seq, hash }: ChainHead, anchors: Map<bigint, Buffer>): string | undefined {
  const anchor = anchors.get(seq);
  return anchor === undefined || anchor.equals(hash)
    ? undefined
    : `entry ${seq} is not the one that was anchored: the log was written anew`;
}

async function headProblem(trx: Database, last: ChainHead): Promise<string | undefined> {
  const head = await findHead(trx);
  if (head === undefined) return 'the head of the audit log is missing';
  if (head.seq === last.seq && head.hash.equals(last.hash)) return undefined;
  const what = head.seq > last.seq ? 'the end was cut off' : 'one of them was changed';
  return `the log ends with entry ${last.seq}, its head says ${head.seq}: ${what}`;
}

function missingAnchor(anchors: Map<bigint, Buffer>, last: ChainHead): string | undefined {
  const beyond = [...anchors.keys()].find((seq) => seq > last.seq);
  return beyond === undefined
    ? undefined
    : `the log ends with entry ${last.seq}, but entry ${beyond} was anchored: the end was cut off`;
}

import type { Database } from '../../db/database.ts';
import { hashEntry } from './audit-chain.ts';
import type { AuditEntry } from './audit-entry.ts';

/**
 * Appends to the audit log, in the transaction of the change itself. Writers take turns on the head of the chain
 * until they commit: record last, right before the end of the transaction.
 */
export async function record(trx: Database, entry: AuditEntry): Promise<void> {
  if (!trx.isTransaction) throw new Error('an audit entry belongs into the transaction of its change');
  const now = trx.raw(`date_trunc('milliseconds', clock_timestamp()) AS now`);
  const head = await trx('audit_head')
    .forUpdate()
    .first<{ seq: string; hash: Buffer; now: Date } | undefined>('seq', 'hash', now);
  if (head === undefined) throw new Error('the head of the audit log is missing');

  const content = storable(entry);
  const seq = BigInt(head.seq) + 1n;
  const at = head.now;
  const hash = hashEntry({ ...content, seq, at }, head.hash);
  await trx('audit_log').insert({
    seq: seq.toString(),
    at,
    action: content.action,
    actor_kind: content.actor.kind,
    actor_id: content.actor.id ?? null,
    subject_kind: content.subject.kind,
    subject_id: content.subject.id ?? null,
    outcome: content.outcome,
    details: JSON.stringify(content.details),
    request_id: content.requestId ?? null,
    previous_hash: head.hash,
    hash,
  });
  await trx('audit_head').update({ seq: seq.toString(), hash });
}

/** What is hashed is what is stored: undefined fields do not survive JSON, zero characters and half surrogate pairs no jsonb. */
function storable(entry: AuditEntry): AuditEntry {
  const json = JSON.stringify(entry, (_key, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value,
  );
  return JSON.parse(json) as AuditEntry;
}

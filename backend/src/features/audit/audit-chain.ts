import { createHash } from 'node:crypto';
import type { AuditEntry, StoredAuditEntry } from './audit-entry.ts';

/** The hash before the first entry. */
export const chainStart = Buffer.alloc(32);

/** The end of a chain. Kept outside the database, it shows when the end was cut off or everything written anew. */
export interface ChainHead {
  seq: bigint;
  hash: Buffer;
}

const domain = 'aovis-audit-v1';

/**
 * SHA-256 over the previous hash and the canonical JSON of everything the row says, so that no row can be changed,
 * removed or moved without every later hash becoming wrong.
 */
export function hashEntry(entry: AuditEntry & { seq: bigint; at: Date }, previousHash: Buffer): Buffer {
  const content = canonicalJson([
    domain,
    entry.seq.toString(),
    entry.at.toISOString(),
    entry.action,
    entry.actor.kind,
    entry.actor.id ?? null,
    entry.subject.kind,
    entry.subject.id ?? null,
    entry.outcome,
    entry.details,
    entry.requestId ?? null,
  ]);
  return createHash('sha256').update(previousHash).update(content, 'utf8').digest();
}

/** JSON with the keys of every object in byte order: PostgreSQL's jsonb does not keep the order they came in. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${pairs.join(',')}}`;
}

/** The first thing wrong with an entry that follows `previous`, as a sentence; undefined when it fits. */
export function problemOf(entry: StoredAuditEntry, previous: ChainHead): string | undefined {
  if (entry.seq !== previous.seq + 1n)
    return `entry ${previous.seq + 1n} is missing: entry ${previous.seq} is followed by ${entry.seq}`;
  if (!entry.previousHash.equals(previous.hash))
    return `entry ${entry.seq} does not continue entry ${previous.seq}: one of them was replaced`;
  if (!hashEntry(entry, previous.hash).equals(entry.hash))
    return `entry ${entry.seq} was changed after it was written`;
  return undefined;
}

/** Who did it. A `system` has no id; a stranger is an `anonymous`. */
export interface Actor {
  kind: 'user' | 'admin' | 'station' | 'device' | 'system' | 'anonymous';
  id?: string | undefined;
}

/** What it was done to, e.g. `{ kind: 'device', id: 'aovis-n4k-000123' }`. */
export interface Subject {
  kind: string;
  id?: string | undefined;
}

export interface AuditEntry {
  /** `<noun>.<verb>`, e.g. `device.activate`. */
  action: string;
  actor: Actor;
  subject: Subject;
  outcome: 'ok' | 'refused' | 'failed';
  /** JSON without secrets: codes, counts, ids; never tokens, e-mail addresses or card numbers. */
  details: Record<string, unknown>;
  requestId?: string | undefined;
}

export interface StoredAuditEntry extends AuditEntry {
  seq: bigint;
  at: Date;
  previousHash: Buffer;
  hash: Buffer;
}

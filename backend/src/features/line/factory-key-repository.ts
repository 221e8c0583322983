import type { FactoryScope } from '@aovis/contracts/http/route';
import type { Database } from '../../db/database.ts';
import type { FactoryKey } from './factory-key.ts';

interface Row {
  key_id: string;
  line_id: string;
  secret_hash: Buffer;
  scopes: FactoryScope[];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  replaces: string | null;
}

const minuteMs = 60_000;

export class FactoryKeyRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(): Promise<FactoryKey[]> {
    return (await this.#db<Row>('factory_api_keys').orderBy(['line_id', 'created_at', 'key_id'])).map(toKey);
  }

  async find(keyId: string): Promise<FactoryKey | undefined> {
    const row = await this.#db<Row>('factory_api_keys').where({ key_id: keyId }).first();
    return row && toKey(row);
  }

  /** Locked until the transaction ends. */
  async lock(keyId: string): Promise<FactoryKey | undefined> {
    const row = await this.#db<Row>('factory_api_keys').where({ key_id: keyId }).forUpdate().first();
    return row && toKey(row);
  }

  async insert(key: Omit<FactoryKey, 'revokedAt' | 'lastUsedAt'>): Promise<void> {
    await this.#db('factory_api_keys').insert({
      key_id: key.keyId,
      line_id: key.lineId,
      secret_hash: key.secretHash,
      scopes: [...key.scopes],
      created_at: key.createdAt,
      expires_at: key.expiresAt ?? null,
      replaces: key.replaces ?? null,
    });
  }

  async end(keyId: string, ending: { expiresAt: Date } | { revokedAt: Date }): Promise<void> {
    const columns =
      'expiresAt' in ending ? { expires_at: ending.expiresAt } : { revoked_at: ending.revokedAt };
    await this.#db('factory_api_keys').where({ key_id: keyId }).update(columns);
  }

  /** To the minute: a line calls often, and the row need not change each time. */
  async noteUse({ keyId, lastUsedAt }: FactoryKey, now: Date): Promise<void> {
    if (lastUsedAt !== undefined && now.getTime() - lastUsedAt.getTime() < minuteMs) return;
    await this.#db('factory_api_keys').where({ key_id: keyId }).update({ last_used_at: now });
  }
}

function toKey(row: Row): FactoryKey {
  return {
    keyId: row.key_id,
    lineId: row.line_id,
    secretHash: row.secret_hash,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    replaces: row.replaces ?? undefined,
  };
}

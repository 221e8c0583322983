import type { AccountView } from '@aovis/contracts/http/account';
import type { Database } from '../../db/database.ts';

/** Who holds an account, and how that person signs in. */
export interface Account {
  id: string;
  email: string | undefined;
  emailVerified: boolean;
  displayName: string | undefined;
  createdAt: Date;
  /** Undefined while it is open. */
  deletedAt: Date | undefined;
}

export type Identity = { provider: AccountView['identities'][number]['provider'] } & {
  createdAt: Date;
  lastUsedAt: Date;
};

interface Row {
  id: string;
  email: string | null;
  email_verified_at: Date | null;
  display_name: string | null;
  created_at: Date;
  deleted_at: Date | null;
}

interface IdentityRow {
  provider: Identity['provider'];
  created_at: Date;
  last_used_at: Date;
}

export class AccountRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async find(userId: string): Promise<Account | undefined> {
    const row = await this.#db<Row>('users').where({ id: userId }).first();
    return row && toAccount(row);
  }

  /** Until the transaction ends nothing is added to the account, and nobody else changes or closes it. */
  async lock(userId: string): Promise<Account | undefined> {
    const row = await this.#db<Row>('users').where({ id: userId }).forUpdate().first();
    return row && toAccount(row);
  }

  /** Oldest first. */
  async listIdentities(userId: string): Promise<Identity[]> {
    const rows = await this.#db('identities')
      .where({ user_id: userId })
      .orderBy(['created_at', 'id'])
      .select<IdentityRow[]>('provider', 'created_at', 'last_used_at');
    return rows.map(({ provider, created_at, last_used_at }) => ({
      provider,
      createdAt: created_at,
      lastUsedAt: last_used_at,
    }));
  }

  async rename(userId: string, displayName: string | null, now: Date): Promise<void> {
    await this.#db('users').where({ id: userId }).update({ display_name: displayName, updated_at: now });
  }

  /** Leaves a row that nobody can be told from; the database refuses to put anything back into it. */
  async close(userId: string, now: Date): Promise<void> {
    await this.#db('users').where({ id: userId }).update({
      status: 'deleted',
      deleted_at: now,
      email: null,
      email_verified_at: null,
      display_name: null,
      role: 'user',
      updated_at: now,
    });
  }
}

function toAccount(row: Row): Account {
  return {
    id: row.id,
    email: row.email ?? undefined,
    emailVerified: row.email_verified_at !== null,
    displayName: row.display_name ?? undefined,
    createdAt: row.created_at,
    deletedAt: row.deleted_at ?? undefined,
  };
}

import type { Database } from '../../db/database.ts';

export interface User {
  id: string;
  email: string | undefined;
  displayName: string | undefined;
  active: boolean;
}

interface UserRow {
  id: string;
  email: string | null;
  display_name: string | null;
  status: string;
}

function rowToUser({ id, email, display_name, status }: UserRow): User {
  return {
    id,
    email: email ?? undefined,
    displayName: display_name ?? undefined,
    active: status === 'active',
  };
}

const columns = ['id', 'email', 'display_name', 'status'] as const;

export interface Identity {
  provider: 'google' | 'apple' | 'email';
  subject: string;
}

/** Users and the identities they sign in with. */
export class UserRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes sign-ins of one identity, or with one e-mail address, take turns until the transaction ends. */
  async lock(identity: Identity, email: string | undefined): Promise<void> {
    const keys = [`identity:${identity.provider}:${identity.subject}`, ...(email ? [`email:${email}`] : [])];
    for (const key of keys.sort()) {
      await this.#db.raw('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', [key]);
    }
  }

  /** Notes the use of the identity on the way. */
  async findByIdentity({ provider, subject }: Identity): Promise<User | undefined> {
    const [used] = await this.#db('identities')
      .where({ provider, subject })
      .update({ last_used_at: this.#db.fn.now() })
      .returning<{ user_id: string }[]>('user_id');
    const row =
      used &&
      (await this.#db<UserRow>('users')
        .where({ id: used.user_id })
        .first(...columns));
    return row && rowToUser(row);
  }

  async findByVerifiedEmail(email: string): Promise<User | undefined> {
    const row = await this.#db<UserRow>('users')
      .where({ email })
      .whereNotNull('email_verified_at')
      .first(...columns);
    return row && rowToUser(row);
  }

  async insert(user: {
    email: string | undefined;
    emailVerified: boolean;
    displayName: string | undefined;
  }): Promise<User> {
    const [row] = await this.#db('users')
      .insert({
        email: user.email ?? null,
        email_verified_at: user.emailVerified ? this.#db.fn.now() : null,
        display_name: user.displayName ?? null,
      })
      .returning<UserRow[]>([...columns]);
    if (row === undefined) throw new Error('the user was not stored');
    return rowToUser(row);
  }

  async addIdentity(userId: string, { provider, subject }: Identity): Promise<void> {
    await this.#db('identities').insert({ user_id: userId, provider, subject });
  }
}

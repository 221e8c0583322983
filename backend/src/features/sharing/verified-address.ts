import type { Database } from '../../db/database.ts';

interface Row {
  email: string | null;
}

/** The address that is proven to be the user's; undefined when there is none, or no such account any more. */
export async function findVerifiedEmail(db: Database, userId: string): Promise<string | undefined> {
  return (await verified(db, userId).first())?.email ?? undefined;
}

/** The same; whoever closes the account waits for the end of this transaction. */
export async function lockVerifiedEmail(trx: Database, userId: string): Promise<string | undefined> {
  return (await verified(trx, userId).forKeyShare().first())?.email ?? undefined;
}

function verified(db: Database, userId: string) {
  return db('users')
    .where({ id: userId, status: 'active' })
    .whereNotNull('email_verified_at')
    .select<Row[]>('email');
}

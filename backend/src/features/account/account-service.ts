import { type AccountChange, type AccountView, consentKinds } from '@aovis/contracts/http/account';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { type Account, AccountRepository, type Identity } from './account-repository.ts';
import { type Consents, insertConsent, readConsents } from './consents.ts';

/** The profile of the person who asks, and what that person agrees to. */
export class AccountService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @throws AppError unauthorized when the account was closed meanwhile */
  async get(userId: string): Promise<AccountView> {
    return readView(this.#db, userId);
  }

  /** @throws AppError unauthorized when the account was closed meanwhile */
  async update(
    { userId, requestId }: { userId: string; requestId: string },
    { display_name: name, consents = {} }: AccountChange,
  ): Promise<AccountView> {
    return transaction(this.#db, async (trx) => {
      const now = this.#clock.now();
      const accounts = new AccountRepository(trx);
      const account = assertOpen(await accounts.lock(userId));
      const renamed = name !== undefined && name !== (account.displayName ?? null);
      if (renamed) await accounts.rename(userId, name, now);

      const before = await readConsents(trx, userId);
      const changed = consentKinds.filter((kind) => isNews(before, kind, consents[kind]));
      for (const kind of changed)
        await insertConsent(trx, { userId, kind, given: consents[kind] ?? false, now });

      if (renamed || changed.length > 0)
        await record(trx, {
          action: 'account.update',
          actor: { kind: 'user', id: userId },
          subject: { kind: 'user', id: userId },
          outcome: 'ok',
          // What was agreed to is worth proving; a name is nobody's business here.
          details: { renamed, consents: Object.fromEntries(changed.map((kind) => [kind, consents[kind]])) },
          requestId,
        });
      return readView(trx, userId);
    });
  }
}

/** The first time counts even when it is a no: it was asked and answered. */
function isNews(before: Consents, kind: keyof Consents, said: boolean | undefined): boolean {
  return said !== undefined && (before[kind].at === undefined || before[kind].given !== said);
}

async function readView(db: Database, userId: string): Promise<AccountView> {
  const accounts = new AccountRepository(db);
  const account = assertOpen(await accounts.find(userId));
  return toView(account, await accounts.listIdentities(userId), await readConsents(db, userId));
}

function assertOpen(account: Account | undefined): Account {
  if (account === undefined || account.deletedAt !== undefined) throw new AppError('unauthorized');
  return account;
}

function toView(account: Account, identities: readonly Identity[], consents: Consents): AccountView {
  const consentView = (kind: keyof Consents) => ({
    given: consents[kind].given,
    at: consents[kind].at?.toISOString() ?? null,
  });
  return {
    id: account.id,
    email: account.email ?? null,
    email_verified: account.emailVerified,
    display_name: account.displayName ?? null,
    created_at: account.createdAt.toISOString(),
    identities: identities.map(({ provider, createdAt, lastUsedAt }) => ({
      provider,
      created_at: createdAt.toISOString(),
      last_used_at: lastUsedAt.toISOString(),
    })),
    consents: {
      adult_declared: consentView('adult_declared'),
      ai_features: consentView('ai_features'),
      marketing: consentView('marketing'),
    },
  };
}

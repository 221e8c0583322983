import { freshSignInSeconds } from '@aovis/contracts/http/account';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { deleteAllSessions, type SessionDirectory, type SessionHolder } from '../auth/session-directory.ts';
import { releaseAllDevices } from '../devices/device-release.ts';
import { endSharesOfUser } from '../sharing/share-endings.ts';
import { AccountRepository } from './account-repository.ts';
import { erasePersonalData } from './erasure.ts';

export interface DeletionDependencies {
  db: Database;
  clock: Clock;
  sessions: Pick<SessionDirectory, 'isFresh'>;
}

/**
 * Closes accounts for good. Whoever holds a stolen token must not be able to, so the proof is a sign-in of the last
 * minutes: a new one by Google, Apple or the mailbox (OWASP ASVS 5.0, 7.5.3). A text to type would only show that
 * somebody can read.
 */
export class DeletionService {
  readonly #dependencies: DeletionDependencies;

  constructor(dependencies: DeletionDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * One transaction; repeating it changes nothing.
   * @throws AppError fresh_sign_in_required
   */
  async delete(holder: SessionHolder): Promise<{ deletedAt: Date }> {
    const { db, sessions } = this.#dependencies;
    if (await sessions.isFresh(holder, freshSignInSeconds))
      return transaction(db, (trx) => this.#close(trx, holder));
    await transaction(db, (trx) =>
      record(trx, { ...auditOf(holder), outcome: 'refused', details: { code: 'fresh_sign_in_required' } }),
    );
    throw new AppError('fresh_sign_in_required', { details: { max_age_seconds: freshSignInSeconds } });
  }

  async #close(trx: Database, holder: SessionHolder): Promise<{ deletedAt: Date }> {
    const { userId, requestId } = holder;
    const now = this.#dependencies.clock.now();
    const accounts = new AccountRepository(trx);
    const account = await accounts.lock(userId);
    if (account === undefined) throw new AppError('unauthorized');
    if (account.deletedAt !== undefined) return { deletedAt: account.deletedAt };

    const released = await releaseAllDevices(trx, { userId, now, requestId });
    await endSharesOfUser(trx, { userId, now, requestId });
    await deleteAllSessions(trx, userId);
    const email = account.emailVerified ? account.email : undefined;
    await erasePersonalData(trx, { userId, email, requestId });
    await accounts.close(userId, now);
    await record(trx, { ...auditOf(holder), outcome: 'ok', details: { released_devices: released } });
    return { deletedAt: now };
  }
}

function auditOf({ userId, requestId }: SessionHolder) {
  return {
    action: 'account.delete',
    actor: { kind: 'user', id: userId },
    subject: { kind: 'user', id: userId },
    requestId,
  } as const;
}

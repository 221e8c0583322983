import type { FactoryScope } from '@aovis/contracts/http/route';
import { type Database, transaction } from '../db/database.ts';
import { record } from '../features/audit/audit-log.ts';
import { RefusalBudget } from '../features/audit/refusal-budget.ts';
import { type FactoryCaller, isSecretOf, isUsable, readFactoryKey } from '../features/line/factory-key.ts';
import { FactoryKeyRepository } from '../features/line/factory-key-repository.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';

/** Lets production lines in by their API keys, and notes whose key was not good for what it tried. */
export class FactoryKeyGuard {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #refusals: RefusalBudget;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
    this.#refusals = new RefusalBudget(clock);
  }

  /** @throws AppError factory_key_refused, factory_scope_missing */
  async admit(
    authorization: string | undefined,
    scope: FactoryScope,
    requestId: string,
  ): Promise<FactoryCaller> {
    const given = readFactoryKey(authorization);
    if (given === undefined) throw new AppError('factory_key_refused');
    const repository = new FactoryKeyRepository(this.#db);
    const key = await repository.find(given.keyId);
    const now = this.#clock.now();
    if (!isSecretOf(key, given.secret) || !isUsable(key, now)) {
      // A key that was good once is worth a row; what never was one is not.
      if (key !== undefined) await this.#note(key.keyId, { code: 'factory_key_refused', scope, requestId });
      throw new AppError('factory_key_refused');
    }
    if (!key.scopes.includes(scope)) {
      await this.#note(key.keyId, { code: 'factory_scope_missing', scope, requestId });
      throw new AppError('factory_scope_missing', { details: { scope } });
    }
    await repository.noteUse(key, now);
    return { keyId: key.keyId, lineId: key.lineId, scopes: key.scopes };
  }

  async #note(
    keyId: string,
    { code, scope, requestId }: { code: string; scope: FactoryScope; requestId: string },
  ): Promise<void> {
    const noted = this.#refusals.take();
    if (noted === undefined) return;
    await transaction(this.#db, (trx) =>
      record(trx, {
        action: 'factory.use_key',
        actor: { kind: 'station', id: keyId },
        subject: { kind: 'factory_key', id: keyId },
        outcome: 'refused',
        details: { code, scope, ...noted },
        requestId,
      }),
    );
  }
}

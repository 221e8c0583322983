import type { StaffRole } from '@aovis/contracts/http/route';
import { type Database, transaction } from '../db/database.ts';
import { record } from '../features/audit/audit-log.ts';
import { RefusalBudget } from '../features/audit/refusal-budget.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Route, SignedInUser } from './route.ts';

/** Lets members of staff to the routes of their role, and notes who else tried. */
export class RoleGuard {
  readonly #db: Database;
  readonly #refusals: RefusalBudget;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#refusals = new RefusalBudget(clock);
  }

  /** @throws AppError forbidden */
  async assertAllowed(
    { contract: { auth, operationId } }: Route,
    user: SignedInUser | undefined,
    requestId: string,
  ): Promise<void> {
    if (typeof auth !== 'object' || !('role' in auth)) return;
    if (user?.role === 'admin' || user?.role === auth.role) return;
    if (user !== undefined) await this.#note(user, { operationId, needs: auth.role, requestId });
    throw new AppError('forbidden');
  }

  async #note(
    { id, role }: SignedInUser,
    { operationId, needs, requestId }: { operationId: string; needs: StaffRole; requestId: string },
  ): Promise<void> {
    const noted = this.#refusals.take();
    if (noted === undefined) return;
    await transaction(this.#db, (trx) =>
      record(trx, {
        action: 'admin.enter',
        actor: { kind: role === 'user' ? 'user' : 'admin', id },
        subject: { kind: 'route', id: operationId },
        outcome: 'refused',
        details: { code: 'forbidden', role, needs, ...noted },
        requestId,
      }),
    );
  }
}

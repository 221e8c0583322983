import { deviceIdSchema } from '@aovis/contracts/ids';
import { type Database, transaction } from '../db/database.ts';
import { record } from '../features/audit/audit-log.ts';
import { RefusalBudget } from '../features/audit/refusal-budget.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Route, SignedInUser } from './route.ts';

/** Notes who was turned away from a device: whose it is not, or who may only view it. */
export class DeviceRefusals {
  readonly #db: Database;
  readonly #refusals: RefusalBudget;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#refusals = new RefusalBudget(clock);
  }

  /**
   * Alike for devices that exist and that do not, so that nobody tells them apart by the time it takes.
   * @throws AppError service_unavailable when it could not be noted
   */
  async note(
    error: unknown,
    { contract: { auth, operationId } }: Route,
    { user, deviceId, requestId }: { user: SignedInUser | undefined; deviceId: unknown; requestId: string },
  ): Promise<void> {
    if (typeof auth !== 'object' || !('device' in auth) || user === undefined) return;
    if (!(error instanceof AppError) || !['device_not_found', 'forbidden'].includes(error.code)) return;
    const noted = this.#refusals.take();
    if (noted === undefined) return;
    const id = deviceIdSchema.safeParse(deviceId).data;
    await transaction(this.#db, (trx) =>
      record(trx, {
        action: 'device.enter',
        actor: { kind: user.role === 'user' ? 'user' : 'admin', id: user.id },
        subject: { kind: 'device', ...(id !== undefined && { id }) },
        outcome: 'refused',
        details: { code: error.code, operation: operationId, ...noted },
        requestId,
      }),
    );
  }
}

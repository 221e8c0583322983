import type { Capability } from '@aovis/contracts/http/devices';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { releaseForStaff } from '../devices/device-release.ts';
import { recordChange, type Staff } from './staff.ts';

export type SettableStatus = 'active' | 'suspended' | 'revoked';

const ledgerChanges = { active: 'restored', suspended: 'suspended', revoked: 'revoked' } as const;
const dayMs = 86_400_000;

/** What staff changes of devices and rights. */
export class DeviceAdminService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @throws AppError device_not_found, also for a device that nobody owns */
  async release(staff: Staff, deviceId: string, reason: string): Promise<void> {
    const now = this.#clock.now();
    await transaction(this.#db, async (trx) => {
      const ended = await releaseForStaff(trx, deviceId, { now, requestId: staff.requestId });
      if (ended === undefined) throw new AppError('device_not_found');
      await recordChange(trx, staff, {
        action: 'admin.release_device',
        subject: { kind: 'device', id: deviceId },
        details: { ...ended, reason },
      });
    });
  }

  /** @throws AppError device_not_found, also for a device that nobody owns */
  async grant(
    staff: Staff,
    deviceId: string,
    { capability, days, reason }: { capability: Capability; days: number; reason: string },
  ): Promise<{ entitlementId: string; endsAt: Date }> {
    const now = this.#clock.now();
    const endsAt = new Date(now.getTime() + days * dayMs);
    return transaction(this.#db, async (trx) => {
      const owner = await trx('device_ownerships')
        .where({ device_id: deviceId, ended_at: null })
        .forShare()
        .first<{ user_id: string } | undefined>('user_id');
      if (owner === undefined) throw new AppError('device_not_found');
      const [row] = await trx('entitlements')
        .insert({
          device_id: deviceId,
          user_id: owner.user_id,
          capability,
          source: 'grant',
          starts_at: now,
          ends_at: endsAt,
        })
        .returning<{ id: string }[]>('id');
      if (row === undefined) throw new Error('the entitlement was not stored');
      await trx('entitlement_grants').insert({
        entitlement_id: row.id,
        change: 'granted',
        reason,
        ends_at: endsAt,
      });
      await recordChange(trx, staff, {
        action: 'admin.grant_entitlement',
        subject: { kind: 'device', id: deviceId },
        details: { entitlement_id: row.id, capability, days, reason },
      });
      return { entitlementId: row.id, endsAt };
    });
  }

  /** Repeating it changes nothing. @throws AppError entitlement_not_found, also for one that was revoked or is over */
  async changeEntitlement(
    staff: Staff,
    id: string,
    { status, reason }: { status: SettableStatus; reason: string },
  ): Promise<void> {
    const now = this.#clock.now();
    await transaction(this.#db, async (trx) => {
      const row = uuidForm.test(id)
        ? await trx('entitlements')
            .where({ id })
            .whereIn('status', ['active', 'suspended', status])
            .forUpdate()
            .first<{ status: string; ends_at: Date | null } | undefined>('status', 'ends_at')
        : undefined;
      if (row === undefined) throw new AppError('entitlement_not_found');
      if (row.status === status) return;
      await trx('entitlements').where({ id }).update({ status, updated_at: now });
      await trx('entitlement_grants').insert({
        entitlement_id: id,
        change: ledgerChanges[status],
        reason,
        ends_at: row.ends_at,
      });
      await recordChange(trx, staff, {
        action: 'admin.change_entitlement',
        subject: { kind: 'entitlement', id },
        details: { before: row.status, after: status, reason },
      });
    });
  }
}

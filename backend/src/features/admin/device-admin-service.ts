import type { Capability } from '@aovis/contracts/http/devices';
import { deviceIdSchema } from '@aovis/contracts/ids';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { releaseForStaff } from '../devices/device-release.ts';
import {
  grantToOwner,
  type SettableStatus,
  setEntitlementStatus,
} from '../entitlements/entitlement-grants.ts';
import { changeAsStaff, type Staff } from './staff.ts';

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
    const subject = { kind: 'device', id: deviceId };
    await changeAsStaff(this.#db, staff, { action: 'admin.release_device', subject }, async (trx) => {
      assertDeviceId(deviceId);
      const ended = await releaseForStaff(trx, deviceId, { now, requestId: staff.requestId });
      if (ended === undefined) throw new AppError('device_not_found');
      const { ownerId: before, ...rest } = ended;
      const owners = { before: { owner_id: before }, after: { owner_id: null } };
      return { result: undefined, details: { ...owners, ...rest, reason } };
    });
  }

  /** @throws AppError device_not_found, also for a device that nobody owns */
  async grant(
    staff: Staff,
    deviceId: string,
    { capability, days, reason }: { capability: Capability; days: number; reason: string },
  ): Promise<{ entitlementId: string; endsAt: Date }> {
    const startsAt = this.#clock.now();
    const endsAt = new Date(startsAt.getTime() + days * dayMs);
    const subject = { kind: 'device', id: deviceId };
    return changeAsStaff(this.#db, staff, { action: 'admin.grant_entitlement', subject }, async (trx) => {
      assertDeviceId(deviceId);
      const entitlementId = await grantToOwner(trx, { deviceId, capability, startsAt, endsAt, reason });
      if (entitlementId === undefined) throw new AppError('device_not_found');
      const details = { entitlement_id: entitlementId, capability, days, reason };
      return { result: { entitlementId, endsAt }, details };
    });
  }

  /** Repeating it changes nothing. @throws AppError entitlement_not_found, also for one that was revoked or is over */
  async changeEntitlement(
    staff: Staff,
    id: string,
    { status, reason }: { status: SettableStatus; reason: string },
  ): Promise<void> {
    const now = this.#clock.now();
    const subject = { kind: 'entitlement', id };
    await changeAsStaff(this.#db, staff, { action: 'admin.change_entitlement', subject }, async (trx) => {
      const before = uuidForm.test(id)
        ? await setEntitlementStatus(trx, id, { status, reason, now })
        : undefined;
      if (before === undefined) throw new AppError('entitlement_not_found');
      return { result: undefined, details: { before: { status: before }, after: { status }, reason } };
    });
  }
}

/** Anything else cannot be a device, and perhaps no text that can be looked up. @throws AppError device_not_found */
function assertDeviceId(text: string): void {
  if (!deviceIdSchema.safeParse(text).success) throw new AppError('device_not_found');
}

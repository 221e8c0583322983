import type { Activation } from '@aovis/contracts/http/activation';
import type { Database } from '../../db/database.ts';
import { toEntitlementView } from '../entitlements/entitlement.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { toDeviceView } from './device.ts';
import { KnexDeviceRepository } from './device-repository.ts';

/** What an activation brought its user; undefined when the device is not the user's own (any more). */
export async function describeActivation(
  db: Database,
  { userId, deviceId, now }: { userId: string; deviceId: string; now: Date },
  entitlements: Pick<EntitlementService, 'list'>,
): Promise<Omit<Activation, 'already_owned'> | undefined> {
  const device = await new KnexDeviceRepository(db).find({ userId, now }, deviceId);
  if (device?.role !== 'owner') return undefined;
  const trial = (await entitlements.list(userId, deviceId)).find(({ source }) => source === 'trial');
  return {
    device: toDeviceView(device),
    ownership: { since: device.ownedSince.toISOString(), epoch: device.epoch },
    entitlement: trial ? toEntitlementView(trial, now) : null,
  };
}

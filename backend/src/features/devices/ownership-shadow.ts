import type { OwnershipState } from '@aovis/contracts/ownership';
import { ownershipShadow } from '@aovis/contracts/topics';
import type { Database } from '../../db/database.ts';
import { findOwnershipState } from './claim-repository.ts';
import type { ShadowPort } from './shadow-port.ts';

/**
 * Tells a board whether it has an owner and in which epoch, as the records are now: whichever message of a change of
 * owner comes last says the truth. A board that is away finds it when it returns, and wipes what a former owner left.
 * @throws AppError service_unavailable
 */
export async function announceOwnership(
  { db, shadows }: { db: Database; shadows: ShadowPort },
  deviceId: string,
): Promise<void> {
  const state: OwnershipState | undefined = await findOwnershipState(db, deviceId);
  if (state === undefined) return;
  const desired = { epoch: state.epoch, owned: state.owned };
  await shadows.mergeDesired(deviceId, { shadowName: ownershipShadow, desired, expectedVersion: 0 });
}

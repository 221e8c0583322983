import type { OwnershipState } from '@aovis/contracts/ownership';
import { ownershipShadow } from '@aovis/contracts/topics';
import type { Database } from '../../db/database.ts';
import { findOwnershipState } from './claim-repository.ts';
import type { ShadowPort } from './shadow-port.ts';

/**
 * Who asked for the live view while a share or a plan was being ended may have been let in by a look at the records before
 * the commit, and by the clock of another instance.
 */
const invitationSlackMs = 5_000;

/**
 * Tells a board whether it has an owner and in which epoch, and since when its viewers have to have been invited, as the
 * records are now: whichever message of a change comes last says the truth. A board that is away finds it when it
 * returns, and wipes what a former owner left.
 * @throws AppError service_unavailable
 */
export async function announceOwnership(
  { db, shadows }: { db: Database; shadows: ShadowPort },
  deviceId: string,
): Promise<void> {
  const state = await findOwnershipState(db, deviceId);
  if (state === undefined) return;
  const { epoch, owned, shareEndedAt, planTakenBackAt } = state;
  const desired = {
    epoch,
    owned,
    ...(shareEndedAt !== undefined && { viewers_since: shareEndedAt.getTime() + invitationSlackMs }),
    ...(planTakenBackAt !== undefined && { live_since: planTakenBackAt.getTime() + invitationSlackMs }),
  } satisfies OwnershipState;
  await shadows.mergeDesired(deviceId, { shadowName: ownershipShadow, desired, expectedVersion: 0 });
}

import type { Database } from '../../db/database.ts';

/** Puts SIM cards on record; those that are there stay as they are. */
export async function registerSims(trx: Database, iccids: readonly string[]): Promise<void> {
  if (iccids.length === 0) return;
  await trx('sims')
    .insert(iccids.map((iccid) => ({ iccid })))
    .onConflict('iccid')
    .ignore();
}

/** Ties a SIM card to the device it works in, once that is somebody's. */
export async function linkSim(
  trx: Database,
  { iccid, deviceId, now }: { iccid: string; deviceId: string; now: Date },
): Promise<void> {
  await trx('sims')
    .where({ iccid, device_id: null })
    .update({ device_id: deviceId, linked_at: now, updated_at: now });
}

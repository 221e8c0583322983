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

/** The card that the factory put into a device. */
export async function findIccidOfDevice(db: Database, deviceId: string): Promise<string | undefined> {
  const row = await db('devices')
    .where({ device_id: deviceId })
    .first<{ iccid: string | null } | undefined>('iccid');
  return row?.iccid ?? undefined;
}

export async function findIccidOfEid(db: Database, eid: string): Promise<string | undefined> {
  const row = await db('sims').where({ eid }).first<{ iccid: string } | undefined>('iccid');
  return row?.iccid;
}

/** What the carrier last warned of; nothing for a card that is not ours. */
export async function noteUsageAlert(
  trx: Database,
  { iccid, alert, now }: { iccid: string; alert: string; now: Date },
): Promise<void> {
  await trx('sims').where({ iccid }).update({ usage_alert: alert, usage_alert_at: now, updated_at: now });
}

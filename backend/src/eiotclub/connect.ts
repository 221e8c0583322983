import { createHash } from 'node:crypto';
import type { Database } from '../db/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { CallSlots } from './call-slots.ts';
import { EiotclubClient } from './client.ts';
import { EiotclubCarrier } from './eiotclub-carrier.ts';

/** One less than the carrier allows an account (open platform, "interface description"): the network bunches calls. */
const callsPerSecond = 9;
const longestWaitMs = 10_000;

export interface EiotclubSettings {
  eiotclubAppKey: string | undefined;
  eiotclubSecret: string | undefined;
  eiotclubBaseUrl: string;
}

/** The carrier as configured, its rate shared by all who use the database; undefined when there is no account. */
export function eiotclubCarrier(
  { eiotclubAppKey: appKey, eiotclubSecret: secret, eiotclubBaseUrl: baseUrl }: EiotclubSettings,
  db: Database,
): EiotclubCarrier | undefined {
  if (appKey === undefined || secret === undefined) return undefined;
  const name = `eiotclub:${createHash('sha256').update(appKey).digest('base64url').slice(0, 16)}`;
  const pace = new CallSlots({ db, name, perSecond: callsPerSecond, longestWaitMs });
  return new EiotclubCarrier(
    new EiotclubClient({ account: { appKey, secret, baseUrl }, clock: systemClock, pace }),
  );
}

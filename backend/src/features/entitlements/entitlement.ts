import type { Capability, EntitlementView } from '@aovis/contracts/http/devices';

/** The right of one user to one capability on one device, from `startsAt` until just before `endsAt`. */
export interface Entitlement {
  id: string;
  userId: string;
  deviceId: string;
  capability: Capability;
  source: 'trial' | 'plan' | 'grant';
  startsAt: Date;
  endsAt: Date;
  /** Set when it was taken back before its end, by a refund say. */
  revokedAt: Date | undefined;
}

export const trialCapability: Capability = 'cloud_playback';
const trialDays = 30;

export function trialWindow(now: Date): { startsAt: Date; endsAt: Date } {
  return { startsAt: now, endsAt: new Date(now.getTime() + trialDays * 86_400_000) };
}

/** Begin counts, end does not: two windows that touch leave neither a gap nor an overlap. */
export function isActive(
  entitlement: Pick<Entitlement, 'startsAt' | 'endsAt' | 'revokedAt'>,
  now: Date,
): boolean {
  const { startsAt, endsAt, revokedAt } = entitlement;
  return startsAt <= now && now < endsAt && (revokedAt === undefined || now < revokedAt);
}

export function allows(entitlements: readonly Entitlement[], capability: Capability, now: Date): boolean {
  return entitlements.some(
    (entitlement) => entitlement.capability === capability && isActive(entitlement, now),
  );
}

export function toEntitlementView(entitlement: Entitlement, now: Date): EntitlementView {
  return {
    capability: entitlement.capability,
    source: entitlement.source,
    starts_at: entitlement.startsAt.toISOString(),
    ends_at: entitlement.endsAt.toISOString(),
    active: isActive(entitlement, now),
  };
}

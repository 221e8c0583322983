import {
  type Capability,
  capabilities,
  type DeviceEntitlementView,
  type EntitlementState,
  type EntitlementView,
} from '@aovis/contracts/http/devices';

/** The right of one user to one capability on one device, from `startsAt` until just before `endsAt`. A refund revokes it, a dispute suspends it. */
export interface Entitlement {
  id: string;
  userId: string;
  deviceId: string;
  capability: Capability;
  source: 'trial' | 'purchase' | 'grant';
  /** `expired` is noted some time after the end; what counts is the window. */
  status: 'active' | 'suspended' | 'revoked' | 'expired';
  startsAt: Date;
  /** Undefined when it has no end. */
  endsAt: Date | undefined;
}

export const trialCapability: Capability = 'cloud_playback';
const trialDays = 30;

export function trialWindow(now: Date): { startsAt: Date; endsAt: Date } {
  return { startsAt: now, endsAt: new Date(now.getTime() + trialDays * 86_400_000) };
}

/** Begin counts, end does not: two windows that touch leave neither a gap nor an overlap. */
export function isActive(
  { status, startsAt, endsAt }: Pick<Entitlement, 'status' | 'startsAt' | 'endsAt'>,
  now: Date,
): boolean {
  return status === 'active' && startsAt <= now && (endsAt === undefined || now < endsAt);
}

/** What is allowed now, each once. */
export function capabilitiesOf(entitlements: readonly Entitlement[], now: Date): Capability[] {
  return capabilities.filter((capability) => allows(entitlements, capability, now));
}

export function stateOf({ status, startsAt, endsAt }: Entitlement, now: Date): EntitlementState {
  if (status === 'suspended' || status === 'revoked') return status;
  if (endsAt !== undefined && endsAt <= now) return 'expired';
  return startsAt > now ? 'scheduled' : 'active';
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
    ends_at: entitlement.endsAt?.toISOString() ?? null,
    active: isActive(entitlement, now),
  };
}

export function toDeviceEntitlementView(entitlement: Entitlement, now: Date): DeviceEntitlementView {
  return {
    entitlement_id: entitlement.id,
    ...toEntitlementView(entitlement, now),
    state: stateOf(entitlement, now),
  };
}

/**
 * Until when a capability is allowed from now on without a gap, by plans that follow each other too; `until` is undefined when that
 * has no end. Undefined when it is not allowed now.
 */
export function allowance(
  entitlements: readonly Entitlement[],
  capability: Capability,
  now: Date,
): { until: Date | undefined } | undefined {
  let until = now;
  for (;;) {
    const at = until;
    const ends = entitlements
      .filter((entitlement) => entitlement.capability === capability && isActive(entitlement, at))
      .map(({ endsAt }) => endsAt?.getTime() ?? Number.POSITIVE_INFINITY);
    if (ends.length === 0) return until > now ? { until } : undefined;
    const last = Math.max(...ends);
    if (last === Number.POSITIVE_INFINITY) return { until: undefined };
    until = new Date(last);
  }
}

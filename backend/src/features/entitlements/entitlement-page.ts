import type { DeviceEntitlementView } from '@aovis/contracts/http/devices';
import { type PageRequest, type Position, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { type Entitlement, toDeviceEntitlementView } from './entitlement.ts';

/**
 * A page of entitlements, newest first. A device has a handful each year, so that all of them are read.
 * @param entitlements oldest first, as the service lists them
 * @throws AppError invalid_request when the cursor is none of ours
 */
export function pageOfEntitlements(
  entitlements: readonly Entitlement[],
  { limit, cursor }: PageRequest,
  now: Date,
): { entitlements: DeviceEntitlementView[]; next_cursor: string | null } {
  const after = readCursor(cursor, uuidForm);
  const found = entitlements
    .toReversed()
    .filter((entitlement) => after === undefined || comesAfter(entitlement, after));
  const { page, nextCursor } = pageOf(found, limit, ({ startsAt: at, id: key }) => ({ at, key }));
  return {
    entitlements: page.map((entitlement) => toDeviceEntitlementView(entitlement, now)),
    next_cursor: nextCursor,
  };
}

function comesAfter({ startsAt, id }: Entitlement, { at, key }: Position): boolean {
  return startsAt < at || (startsAt.getTime() === at.getTime() && id < key);
}

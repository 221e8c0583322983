import {
  changeEntitlement,
  forceRelease,
  getAnyDevice,
  grantEntitlement,
  listAllDevices,
  listSims,
} from '@aovis/contracts/http/admin-devices';
import type { Database } from '../../db/database.ts';
import { handle, type Route } from '../../http/route.ts';
import type { DeviceAdminService } from './device-admin-service.ts';
import { findDevices, getDeviceDetail } from './device-directory.ts';
import { findSims } from './sim-directory.ts';
import { recordReading } from './staff.ts';
import { staffOf } from './staff-request.ts';

export interface DeviceAdminRouteDependencies {
  db: Database;
  devices: DeviceAdminService;
}

export function deviceAdminRoutes({ db, devices }: DeviceAdminRouteDependencies): Route[] {
  return [
    handle(listAllDevices, async (input) => {
      const body = await findDevices(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'device', found: body.devices.length });
      return { status: 200, body };
    }),
    handle(getAnyDevice, async (input) => {
      const body = await getDeviceDetail(db, input.params.id);
      await recordReading(db, staffOf(input), { kind: 'device', id: body.device_id, found: 1 });
      return { status: 200, body };
    }),
    handle(forceRelease, async (input) => {
      await devices.release(staffOf(input), input.params.id, input.body.reason);
      return { status: 200, body: { device_id: input.params.id, released: true as const } };
    }),
    handle(
      grantEntitlement,
      async (input) => {
        const { entitlementId, endsAt } = await devices.grant(staffOf(input), input.params.id, input.body);
        return { status: 201, body: { entitlement_id: entitlementId, ends_at: endsAt.toISOString() } };
      },
      { idempotent: true },
    ),
    handle(changeEntitlement, async (input) => {
      await devices.changeEntitlement(staffOf(input), input.params.id, input.body);
      return { status: 200, body: { entitlement_id: input.params.id, status: input.body.status } };
    }),
    handle(listSims, async (input) => {
      const body = await findSims(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'sim', found: body.sims.length });
      return { status: 200, body };
    }),
  ];
}

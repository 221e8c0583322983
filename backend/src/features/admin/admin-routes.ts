import type { Route } from '../../http/route.ts';
import { type DeviceAdminRouteDependencies, deviceAdminRoutes } from './device-admin-routes.ts';
import { type OperationRouteDependencies, operationRoutes } from './operation-routes.ts';
import { type PeopleRouteDependencies, peopleRoutes } from './people-routes.ts';
import { type PurchaseRouteDependencies, purchaseRoutes } from './purchase-routes.ts';
import { type StoreRouteDependencies, storeRoutes } from './store-routes.ts';

export type AdminRouteDependencies = PeopleRouteDependencies &
  StoreRouteDependencies &
  PurchaseRouteDependencies &
  DeviceAdminRouteDependencies &
  OperationRouteDependencies;

/** All that staff may call. */
export function adminRoutes(dependencies: AdminRouteDependencies): Route[] {
  return [
    ...peopleRoutes(dependencies),
    ...storeRoutes(dependencies),
    ...purchaseRoutes(dependencies),
    ...deviceAdminRoutes(dependencies),
    ...operationRoutes(dependencies),
  ];
}

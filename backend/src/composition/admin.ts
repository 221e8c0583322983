import { adminRoutes } from '../features/admin/admin-routes.ts';
import { DeviceAdminService } from '../features/admin/device-admin-service.ts';
import { InvitationService } from '../features/admin/invitation-service.ts';
import { OperationsService } from '../features/admin/operations-service.ts';
import { OrderAdminService } from '../features/admin/order-admin-service.ts';
import { ProductAdminService } from '../features/admin/product-admin-service.ts';
import { PurchaseAdminService } from '../features/admin/purchase-admin-service.ts';
import { UserAdminService } from '../features/admin/user-admin-service.ts';
import { RefundService } from '../features/orders/refund-service.ts';
import type { Core, Feature } from './core.ts';

/** What staff sees and changes. */
export function composeAdmin({ adapters: { db, clock, payments } }: Core): Feature {
  const refunds = payments && new RefundService({ db, clock, payments });
  return {
    routes: adminRoutes({
      db,
      users: new UserAdminService({ db, clock }),
      invitations: new InvitationService({ db, clock }),
      products: new ProductAdminService({ db, clock }),
      orders: new OrderAdminService({ db, refunds }),
      purchases: new PurchaseAdminService({ db }),
      devices: new DeviceAdminService({ db, clock }),
      operations: new OperationsService({ db }),
    }),
  };
}

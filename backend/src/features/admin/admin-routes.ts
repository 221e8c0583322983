import * as devices from '@aovis/contracts/http/admin-devices';
import * as operations from '@aovis/contracts/http/admin-operations';
import * as people from '@aovis/contracts/http/admin-people';
import * as store from '@aovis/contracts/http/admin-store';
import type { Database } from '../../db/database.ts';
import type { RequestContext } from '../../http/request-context.ts';
import { handle, type Route, type SignedInUser } from '../../http/route.ts';
import { AppError } from '../../kernel/errors.ts';
import type { RefundService } from '../orders/refund-service.ts';
import { historyOf, searchAuditLog } from './audit-search.ts';
import type { DeviceAdminService } from './device-admin-service.ts';
import { findDevices, findSims, getDeviceDetail } from './device-directory.ts';
import type { InvitationService } from './invitation-service.ts';
import type { OperationsService } from './operations-service.ts';
import { findOrders, findPurchases, getOrderView } from './order-directory.ts';
import type { ProductAdminService } from './product-admin-service.ts';
import type { PurchaseAdminService } from './purchase-admin-service.ts';
import { actorOf, recordReading, type Staff } from './staff.ts';
import type { UserAdminService } from './user-admin-service.ts';
import { findUsers, getUserDetail } from './user-directory.ts';

export interface AdminRouteDependencies {
  db: Database;
  users: UserAdminService;
  invitations: InvitationService;
  products: ProductAdminService;
  purchases: PurchaseAdminService;
  deviceAdmin: DeviceAdminService;
  operations: OperationsService;
  /** Undefined where no payment provider is configured. */
  refunds: RefundService | undefined;
}

export function adminRoutes(dependencies: AdminRouteDependencies): Route[] {
  return [
    ...peopleRoutes(dependencies),
    ...storeRoutes(dependencies),
    ...purchaseRoutes(dependencies),
    ...deviceRoutes(dependencies),
    ...operationRoutes(dependencies),
  ];
}

function staffOf({ user, requestContext }: { user: SignedInUser; requestContext: RequestContext }): Staff {
  return { userId: user.id, requestId: requestContext.requestId };
}

function peopleRoutes({ db, users, invitations }: AdminRouteDependencies): Route[] {
  return [
    handle(people.listUsers, async (input) => {
      const body = await findUsers(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'user', found: body.users.length });
      return { status: 200, body };
    }),
    handle(people.getUser, async (input) => {
      const body = await getUserDetail(db, input.params.id);
      await recordReading(db, staffOf(input), { kind: 'user', id: body.id, found: 1 });
      return { status: 200, body };
    }),
    handle(people.updateUser, async (input) => ({
      status: 200,
      body: await users.change(staffOf(input), input.params.id, input.body),
    })),
    handle(
      people.redeemInvitation,
      async (input) => ({
        status: 200,
        body: { role: await invitations.redeem({ ...staffOf(input), token: input.body.token }) },
      }),
      { limits: ['sign-in'] },
    ),
  ];
}

function storeRoutes({ db, products, refunds }: AdminRouteDependencies): Route[] {
  return [
    handle(store.listAllProducts, async () => ({ status: 200, body: { products: await products.list() } })),
    handle(store.saveProduct, async (input) => ({
      status: 200,
      body: await products.save(staffOf(input), input.params.slug, input.body),
    })),
    handle(store.adjustStock, async (input) => ({
      status: 200,
      body: await products.adjustStock(staffOf(input), input.params.sku, input.body),
    })),
    handle(store.listOrders, async (input) => {
      const body = await findOrders(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'order', found: body.orders.length });
      return { status: 200, body };
    }),
    handle(store.getOrder, async (input) => {
      const order = await getOrderView(db, input.params.id);
      await recordReading(db, staffOf(input), { kind: 'order', id: order.id, found: 1 });
      return { status: 200, body: { order, history: await historyOf(db, 'order', order.id) } };
    }),
    handle(
      store.refundOrder,
      async (input) => {
        const { id } = await getOrderView(db, input.params.id);
        if (refunds === undefined) throw new AppError('feature_disabled');
        const staff = staffOf(input);
        const { refundRequestId, amountMinor } = await refunds.refund({
          orderId: id,
          amountMinor: input.body.amount_minor,
          reason: input.body.reason,
          actor: actorOf(staff),
          requestId: staff.requestId,
        });
        return { status: 202, body: { refund_request_id: refundRequestId, amount_minor: amountMinor } };
      },
      { idempotent: true },
    ),
  ];
}

function purchaseRoutes({ db, purchases }: AdminRouteDependencies): Route[] {
  return [
    handle(store.listAllPurchases, async (input) => {
      const body = await findPurchases(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'data_plan_purchase', found: body.purchases.length });
      return { status: 200, body };
    }),
    handle(store.retryPurchase, async (input) => {
      await purchases.retry(staffOf(input), input.params.id, input.body.reason);
      return { status: 202, body: { queued: true as const } };
    }),
    handle(store.refundPurchase, async (input) => {
      await purchases.refund(staffOf(input), input.params.id, input.body.reason);
      return { status: 202, body: { queued: true as const } };
    }),
  ];
}

function deviceRoutes({ db, deviceAdmin }: AdminRouteDependencies): Route[] {
  return [
    handle(devices.listAllDevices, async (input) => {
      const body = await findDevices(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'device', found: body.devices.length });
      return { status: 200, body };
    }),
    handle(devices.getAnyDevice, async (input) => {
      const body = await getDeviceDetail(db, input.params.id);
      await recordReading(db, staffOf(input), { kind: 'device', id: body.device_id, found: 1 });
      return { status: 200, body };
    }),
    handle(devices.forceRelease, async (input) => {
      await deviceAdmin.release(staffOf(input), input.params.id, input.body.reason);
      return { status: 200, body: { device_id: input.params.id, released: true as const } };
    }),
    handle(devices.grantEntitlement, async (input) => {
      const granted = await deviceAdmin.grant(staffOf(input), input.params.id, input.body);
      return {
        status: 201,
        body: { entitlement_id: granted.entitlementId, ends_at: granted.endsAt.toISOString() },
      };
    }),
    handle(devices.changeEntitlement, async (input) => {
      await deviceAdmin.changeEntitlement(staffOf(input), input.params.id, input.body);
      return { status: 200, body: { entitlement_id: input.params.id, status: input.body.status } };
    }),
    handle(devices.listSims, async (input) => {
      const body = await findSims(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'sim', found: body.sims.length });
      return { status: 200, body };
    }),
  ];
}

function operationRoutes({ db, operations: service }: AdminRouteDependencies): Route[] {
  return [
    handle(operations.searchAudit, async (input) => {
      const body = await searchAuditLog(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'audit_log', found: body.entries.length });
      return { status: 200, body };
    }),
    handle(operations.listDeadLetters, async (input) => {
      const { letters, nextCursor } = await service.deadLetters(input.query);
      return { status: 200, body: { dead_letters: letters, next_cursor: nextCursor } };
    }),
    handle(operations.reviveDeadLetter, async (input) => {
      await service.revive(staffOf(input), input.params.id, input.body.reason);
      return { status: 200, body: { revived: true as const } };
    }),
    handle(operations.discardDeadLetter, async (input) => {
      await service.discard(staffOf(input), input.params.id, input.body.reason);
      return { status: 200, body: { discarded: true as const } };
    }),
    handle(operations.listJobs, async () => ({ status: 200, body: { jobs: await service.jobs() } })),
  ];
}

import {
  getAnyPurchase,
  listAllPurchases,
  refundPurchase,
  retryPurchase,
} from '@aovis/contracts/http/admin-purchases';
import type { Database } from '../../db/database.ts';
import { handle, type Route } from '../../http/route.ts';
import { historyOf } from './audit-search.ts';
import type { PurchaseAdminService } from './purchase-admin-service.ts';
import { findPurchases, getPurchaseView } from './purchase-directory.ts';
import { recordReading } from './staff.ts';
import { staffOf } from './staff-request.ts';

const kind = 'data_plan_purchase';

export interface PurchaseRouteDependencies {
  db: Database;
  purchases: PurchaseAdminService;
}

export function purchaseRoutes({ db, purchases }: PurchaseRouteDependencies): Route[] {
  return [
    handle(listAllPurchases, async (input) => {
      const body = await findPurchases(db, input.query);
      await recordReading(db, staffOf(input), { kind, found: body.purchases.length });
      return { status: 200, body };
    }),
    handle(getAnyPurchase, async (input) => {
      const purchase = await getPurchaseView(db, input.params.id);
      const id = purchase.purchase_id;
      await recordReading(db, staffOf(input), { kind, id, found: 1 });
      return { status: 200, body: { purchase, history: await historyOf(db, kind, id) } };
    }),
    handle(retryPurchase, async (input) => {
      await purchases.retry(staffOf(input), input.params.id, input.body.reason);
      return { status: 202, body: { queued: true as const } };
    }),
    handle(refundPurchase, async (input) => {
      await purchases.refund(staffOf(input), input.params.id, input.body.reason);
      return { status: 202, body: { queued: true as const } };
    }),
  ];
}

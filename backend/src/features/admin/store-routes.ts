import {
  adjustStock,
  getOrder,
  listAllProducts,
  listOrders,
  noteOnOrder,
  refundOrder,
  saveProduct,
} from '@aovis/contracts/http/admin-store';
import type { Database } from '../../db/database.ts';
import { handle, type Route } from '../../http/route.ts';
import { historyOf } from './audit-search.ts';
import type { OrderAdminService } from './order-admin-service.ts';
import { findOrders, getOrderView } from './order-directory.ts';
import type { ProductAdminService } from './product-admin-service.ts';
import { recordReading } from './staff.ts';
import { staffOf } from './staff-request.ts';

export interface StoreRouteDependencies {
  db: Database;
  products: ProductAdminService;
  orders: OrderAdminService;
}

export function storeRoutes({ db, products, orders }: StoreRouteDependencies): Route[] {
  return [
    handle(listAllProducts, async () => ({ status: 200, body: { products: await products.list() } })),
    handle(saveProduct, async (input) => ({
      status: 200,
      body: await products.save(staffOf(input), input.params.slug, input.body),
    })),
    handle(
      adjustStock,
      async (input) => ({
        status: 200,
        body: await products.adjustStock(staffOf(input), input.params.sku, input.body),
      }),
      { idempotent: true },
    ),
    handle(listOrders, async (input) => {
      const body = await findOrders(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'order', found: body.orders.length });
      return { status: 200, body };
    }),
    handle(getOrder, async (input) => {
      const order = await getOrderView(db, input.params.id);
      await recordReading(db, staffOf(input), { kind: 'order', id: order.id, found: 1 });
      return { status: 200, body: { order, history: await historyOf(db, 'order', order.id) } };
    }),
    handle(
      refundOrder,
      async (input) => ({
        status: 202,
        body: await orders.refund(staffOf(input), input.params.id, input.body),
      }),
      { idempotent: true },
    ),
    handle(
      noteOnOrder,
      async (input) => {
        await orders.note(staffOf(input), input.params.id, input.body.text);
        return { status: 201, body: { noted: true as const } };
      },
      { idempotent: true },
    ),
  ];
}

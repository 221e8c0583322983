import {
  type Acknowledgement,
  checkoutDataPlan,
  listDataPlans,
  listPurchases,
  receiveCarrierNotice,
  receiveDataPlanPayment,
  reconcileDataPlans,
} from '@aovis/contracts/http/data-plans';
import { stripeSignatureHeader } from '@aovis/contracts/http/webhooks';
import { handle, type Route } from '../../http/route.ts';
import type { CarrierNoticeService } from './carrier-notice-service.ts';
import type { PaymentService } from './payment-service.ts';
import type { PurchaseService } from './purchase-service.ts';
import type { ReconcileService } from './reconcile-service.ts';

export interface DataPlanRouteDependencies {
  purchases: PurchaseService;
  payments: PaymentService;
  carrierNotices: CarrierNoticeService;
  reconciliation: ReconcileService;
  /** What the carrier is answered: JSON, or a text as it is. */
  acknowledgement: Acknowledgement;
}

export function dataPlanRoutes(dependencies: DataPlanRouteDependencies): Route[] {
  const { purchases, payments, carrierNotices, reconciliation, acknowledgement } = dependencies;
  return [
    handle(listDataPlans, async () => ({ status: 200, body: { plans: await purchases.listPlans() } })),
    handle(
      checkoutDataPlan,
      async ({ body, user, requestContext: { requestId } }) => ({
        status: 201,
        body: await purchases.checkout(
          { userId: user.id, requestId },
          { planId: body.plan_id, deviceId: body.device_id },
        ),
      }),
      { idempotent: true, limits: ['checkout'] },
    ),
    handle(listPurchases, async ({ query, user }) => ({
      status: 200,
      body: await purchases.list(user.id, query),
    })),
    handle(
      receiveDataPlanPayment,
      async ({ body, requestContext: { requestId } }) => ({
        status: 200,
        body: await payments.take(body, requestId),
      }),
      {
        before: (context) =>
          payments.assertSigned(
            { rawBody: context.rawBody, signature: context.header(stripeSignatureHeader) },
            context.requestId,
          ),
      },
    ),
    handle(
      receiveCarrierNotice,
      async ({ requestContext: { rawBody, requestId } }) => {
        await carrierNotices.take(rawBody, requestId);
        return { status: 200, body: acknowledgement };
      },
      { before: ({ rawBody, requestId }) => carrierNotices.assertSigned(rawBody, requestId) },
    ),
    handle(
      reconcileDataPlans,
      async ({ requestContext: { requestId } }) => ({
        status: 200,
        body: await reconciliation.run(requestId),
      }),
      { before: async (context) => reconciliation.assertAllowed(context.header('authorization')) },
    ),
  ];
}

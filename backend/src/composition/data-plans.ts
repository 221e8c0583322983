import { randomUUID } from 'node:crypto';
import { isLiveKey } from '../config/config.ts';
import { EiotclubNotices } from '../eiotclub/eiotclub-notices.ts';
import { EiotclubSignatures } from '../eiotclub/eiotclub-signatures.ts';
import { CarrierNoticeService } from '../features/data-plans/carrier-notice-service.ts';
import { KnexDataPlanRepository } from '../features/data-plans/data-plan-repository.ts';
import { dataPlanRoutes } from '../features/data-plans/data-plan-routes.ts';
import { FulfilmentService } from '../features/data-plans/fulfilment-service.ts';
import { PaymentService } from '../features/data-plans/payment-service.ts';
import { PurchaseService } from '../features/data-plans/purchase-service.ts';
import { PurchaseTransitions } from '../features/data-plans/purchase-transitions.ts';
import { ReconcileService } from '../features/data-plans/reconcile-service.ts';
import { SettlementService } from '../features/data-plans/settlement-service.ts';
import { SignedWebhookService } from '../features/webhooks/signed-webhook-service.ts';
import { readPaymentEvent } from '../stripe/stripe-events.ts';
import { StripeSignatures } from '../stripe/stripe-signatures.ts';
import type { Core, Feature } from './core.ts';

/** What notices missed is found within five minutes, also where nobody calls the cron route. */
const reconcileEverySeconds = 300;

export function composeDataPlans({ config, adapters, metrics, access, entitlementsIn }: Core): Feature {
  const { db, clock, log, carrier, planCheckouts: checkouts } = adapters;
  const dataPlanLog = log.child({ part: 'data-plans' });
  const transitions = new PurchaseTransitions({ clock, entitlementsIn });
  const paymentWebhook = new SignedWebhookService({
    db,
    clock,
    verifier: new StripeSignatures(),
    endpoint: 'stripe-data-plans',
    secret: config.stripeDataPlanWebhookSecret,
    onOutcome: (endpoint, outcome) => metrics.webhook(endpoint, outcome),
  });
  const carrierWebhook = new SignedWebhookService({
    db,
    clock,
    verifier: new EiotclubSignatures({
      windowSeconds: config.eiotclubWebhookWindowSeconds,
      log: dataPlanLog,
    }),
    endpoint: 'eiotclub',
    secret: config.eiotclubWebhookSecret,
    onOutcome: (endpoint, outcome) => metrics.webhook(endpoint, outcome),
  });
  const plans = new KnexDataPlanRepository(db);
  const reconciliation = new ReconcileService({ db, clock, cronSecret: config.cronSecret, transitions });
  return {
    routes: dataPlanRoutes({
      purchases: new PurchaseService({ db, clock, plans, access, checkouts, transitions }),
      payments: new PaymentService({
        clock,
        log: dataPlanLog,
        webhook: paymentWebhook,
        livemode: isLiveKey(config.stripeSecretKey),
        readEvent: readPaymentEvent,
        transitions,
      }),
      carrierNotices: new CarrierNoticeService({
        db,
        clock,
        webhook: carrierWebhook,
        notices: new EiotclubNotices(),
        log: dataPlanLog,
      }),
      reconciliation,
      acknowledgement: config.eiotclubAcknowledgement,
    }),
    outboxHandlers: {
      ...new FulfilmentService({ db, clock, carrier, transitions, log: dataPlanLog }).outboxHandlers(),
      ...new SettlementService({ db, carrier, checkouts, log: dataPlanLog }).outboxHandlers(),
    },
    jobs: [
      {
        name: 'data-plans.reconcile',
        everySeconds: reconcileEverySeconds,
        run: async () => ({ ...(await reconciliation.run(randomUUID())) }),
      },
    ],
  };
}

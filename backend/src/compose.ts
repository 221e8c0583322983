import { readSchemaState } from '@aovis/migrations/migrator';
import type { Express } from 'express';
import { createApp } from './app.ts';
import { IotShadows } from './aws/iot-shadows.ts';
import { KinesisVideoHls } from './aws/kinesis-video-hls.ts';
import { KinesisVideoStreams } from './aws/kinesis-video-streams.ts';
import { type Config, isLiveKey } from './config/config.ts';
import { type Database, openDatabase } from './db/database.ts';
import { eiotclubCarrier } from './eiotclub/connect.ts';
import { EiotclubNotices } from './eiotclub/eiotclub-notices.ts';
import { EiotclubSignatures } from './eiotclub/eiotclub-signatures.ts';
import { AuditAnchors } from './features/audit/audit-anchors.ts';
import { AccessTokens } from './features/auth/access-token.ts';
import { authRoutes } from './features/auth/auth-routes.ts';
import { type IdTokenVerifier, JoseIdTokenVerifier } from './features/auth/id-token-verifier.ts';
import { MagicLinkService } from './features/auth/magic-link-service.ts';
import { SessionService } from './features/auth/session-service.ts';
import { SignInService } from './features/auth/sign-in-service.ts';
import { catalogRoutes } from './features/catalog/catalog-routes.ts';
import { CatalogService } from './features/catalog/catalog-service.ts';
import { CarrierNoticeService } from './features/data-plans/carrier-notice-service.ts';
import { KnexDataPlanRepository } from './features/data-plans/data-plan-repository.ts';
import { dataPlanRoutes } from './features/data-plans/data-plan-routes.ts';
import { FulfilmentService } from './features/data-plans/fulfilment-service.ts';
import { PaymentService } from './features/data-plans/payment-service.ts';
import type { PlanCheckouts } from './features/data-plans/plan-checkouts.ts';
import { PurchaseService } from './features/data-plans/purchase-service.ts';
import { PurchaseTransitions } from './features/data-plans/purchase-transitions.ts';
import { ReconcileService } from './features/data-plans/reconcile-service.ts';
import type { SimCarrier } from './features/data-plans/sim-carrier.ts';
import { ActivationService } from './features/devices/activation-service.ts';
import { DeviceAccess } from './features/devices/device-access.ts';
import { deviceOutboxHandlers } from './features/devices/device-outbox.ts';
import { KnexDeviceRepository } from './features/devices/device-repository.ts';
import { deviceRoutes } from './features/devices/device-routes.ts';
import { DeviceService } from './features/devices/device-service.ts';
import type { ShadowPort } from './features/devices/shadow-port.ts';
import { KnexEntitlementRepository } from './features/entitlements/entitlement-repository.ts';
import { EntitlementService } from './features/entitlements/entitlement-service.ts';
import { factoryRoutes } from './features/factory/factory-routes.ts';
import { ManifestService } from './features/factory/manifest-service.ts';
import { ingestionRoutes } from './features/ingestion/ingestion-routes.ts';
import { IngestionService } from './features/ingestion/ingestion-service.ts';
import { CheckoutService } from './features/orders/checkout-service.ts';
import { orderOutboxHandlers } from './features/orders/order-outbox.ts';
import { orderRoutes } from './features/orders/order-routes.ts';
import { OrderService } from './features/orders/order-service.ts';
import { OrderWebhookService } from './features/orders/order-webhook-service.ts';
import type { PaymentProvider } from './features/orders/payment-port.ts';
import { RefundService } from './features/orders/refund-service.ts';
import { streamRoutes } from './features/video/stream-routes.ts';
import { StreamService } from './features/video/stream-service.ts';
import type { HlsSessions, VideoStreams } from './features/video/video-ports.ts';
import { SignedWebhookService } from './features/webhooks/signed-webhook-service.ts';
import { healthRoutes } from './http/health-routes.ts';
import type { Authenticate } from './http/mount.ts';
import { checkoutSuccessPagePath, dataPlanPaidPagePath, magicLinkPagePath } from './http/pages.ts';
import type { Route } from './http/route.ts';
import { type Clock, systemClock } from './kernel/clock.ts';
import type { Logger } from './kernel/logger.ts';
import type { Mailer } from './mail/mailer.ts';
import { SmtpMailer } from './mail/smtp-mailer.ts';
import type { OutboxHandlers } from './outbox/outbox.ts';
import { OutboxWorker } from './outbox/outbox-worker.ts';
import { readPaymentEvent } from './stripe/stripe-events.ts';
import { StripePayments, stripeClient } from './stripe/stripe-payments.ts';
import { StripePlanCheckouts } from './stripe/stripe-plan-checkouts.ts';
import { StripeSignatures } from './stripe/stripe-signatures.ts';

/** What lies outside the program: tests put fakes in their place. */
export interface Adapters {
  db: Database;
  clock: Clock;
  log: Logger;
  mailer: Mailer;
  idTokens: IdTokenVerifier;
  shadows: ShadowPort;
  streams: VideoStreams;
  hls: HlsSessions;
  /** Absent: nothing can be bought. */
  payments?: PaymentProvider | undefined;
  planCheckouts?: PlanCheckouts | undefined;
  /** Absent: paid data plans wait. */
  carrier?: SimCarrier | undefined;
  close(): Promise<void>;
}

export function productionAdapters(config: Config, log: Logger): Adapters {
  const db = openDatabase({
    url: config.databaseUrl,
    poolSize: config.databasePoolSize,
    log: log.child({ part: 'database' }),
  });
  const shadows = new IotShadows({ region: config.awsRegion, endpoint: config.iotDataUrl });
  const video = { region: config.awsRegion, endpoint: config.kinesisVideoUrl };
  const streams = new KinesisVideoStreams(video);
  const hls = new KinesisVideoHls(video);
  return {
    db,
    clock: systemClock,
    log,
    mailer: new SmtpMailer({ url: config.smtpUrl, from: config.mailFrom }),
    idTokens: new JoseIdTokenVerifier(
      {
        google: {
          issuers: config.googleIssuers,
          jwksUrl: config.googleJwksUrl,
          audiences: config.googleClientIds,
        },
        apple: {
          issuers: config.appleIssuers,
          jwksUrl: config.appleJwksUrl,
          audiences: config.appleClientIds,
        },
      },
      systemClock,
    ),
    shadows,
    streams,
    hls,
    payments: orderPayments(config),
    planCheckouts: planCheckouts(config),
    carrier: eiotclubCarrier(config, db),
    close: async () => {
      for (const client of [shadows, streams, hls]) client.close();
      await db.destroy();
    },
  };
}

function orderPayments({ stripeSecretKey, stripeUrl, publicUrl, shippingCountries }: Config) {
  if (stripeSecretKey === undefined) return undefined;
  const successUrl = `${publicUrl}${checkoutSuccessPagePath}?session_id={CHECKOUT_SESSION_ID}`;
  const stripe = stripeClient({ secretKey: stripeSecretKey, url: stripeUrl });
  return new StripePayments(stripe, { successUrl, shippingCountries });
}

function planCheckouts({ stripeSecretKey, stripeUrl, publicUrl }: Config) {
  if (stripeSecretKey === undefined) return undefined;
  const stripe = stripeClient({ secretKey: stripeSecretKey, url: stripeUrl });
  return new StripePlanCheckouts(stripe, { returnUrl: `${publicUrl}${dataPlanPaidPagePath}` });
}

export interface Backend {
  app: Express;
  routes: readonly Route[];
  outbox: OutboxWorker;
  /** Begins the background work. @throws Error with a sentence when the schema is not this version's */
  start(): Promise<void>;
  /** Ends it; safe to call twice. HTTP must be drained before. */
  stop(): Promise<void>;
}

/** The whole backend, wired. Nothing runs before `start()`. */
export function composeBackend(config: Config, adapters: Adapters): Backend {
  const { db, clock, log } = adapters;
  const sessions = composeSessions(config, adapters);
  const authenticate: Authenticate = async (context) => {
    const { userId, sessionId, role } = await sessions.authenticate(context.header('authorization'));
    return { id: userId, sessionId, role };
  };

  const features = [
    composeAuth(config, adapters, sessions),
    composeDevices(config, adapters),
    composeStore(config, adapters),
    composeDataPlans(config, adapters),
  ];
  const health = healthRoutes({ database: () => assertSchema(db) }, log.child({ part: 'health' }));
  const routes = [...health, ...features.flatMap((feature) => feature.routes)];
  const handlers = Object.assign({}, ...features.map((feature) => feature.outboxHandlers)) as OutboxHandlers;

  const app = createApp({ config, db, clock, log, authenticate, routes });
  const outbox = new OutboxWorker({
    db,
    databaseUrl: config.databaseUrl,
    handlers,
    log: log.child({ part: 'outbox' }),
  });
  const anchors = new AuditAnchors({ db, path: config.auditAnchorFile, log: log.child({ part: 'audit' }) });
  return {
    app,
    routes,
    outbox,
    start: async () => {
      await assertSchema(db);
      outbox.start();
      anchors.start();
    },
    stop: async () => {
      await Promise.all([outbox.stop(), anchors.stop()]);
    },
  };
}

/** A feature as the program sees it: add one here to mount it. */
interface Feature {
  routes: Route[];
  outboxHandlers: OutboxHandlers;
}

function composeSessions(config: Config, { db, clock }: Adapters): SessionService {
  const accessTokens = new AccessTokens({
    secret: config.accessTokenSecret,
    issuer: config.publicUrl,
    ttlSeconds: config.accessTokenTtlSeconds,
    clock,
  });
  const sessionTtlMs = config.sessionTtlDays * 86_400_000;
  return new SessionService({ db, clock, accessTokens, refreshSecret: config.sessionSecret, sessionTtlMs });
}

function composeAuth(
  config: Config,
  { db, clock, mailer, idTokens }: Adapters,
  sessions: SessionService,
): Feature {
  const signIns = new SignInService({ db, sessions, idTokens });
  const magicLinks = new MagicLinkService({
    db,
    clock,
    signIns,
    mailer,
    linkSecret: config.sessionSecret,
    pageUrl: `${config.publicUrl}${magicLinkPagePath}`,
  });
  return {
    routes: authRoutes({ signIns, sessions, magicLinks }),
    outboxHandlers: magicLinks.outboxHandlers(),
  };
}

function composeDevices(config: Config, { db, clock, shadows, streams, hls }: Adapters): Feature {
  const entitlementsIn = (database: Database): EntitlementService =>
    new EntitlementService({ repository: new KnexEntitlementRepository(database), clock });
  const entitlements = entitlementsIn(db);
  const access = new DeviceAccess({ devices: new KnexDeviceRepository(db), entitlements });
  const peppers = config.activationPeppers;

  const activations = new ActivationService({ db, clock, peppers, entitlementsIn });
  const devices = new DeviceService({ db, clock, access, entitlements, shadows });
  const { proofModels } = config;
  return {
    routes: [
      ...deviceRoutes({ activations, devices }),
      ...streamRoutes(new StreamService({ access, sessions: hls, clock })),
      ...factoryRoutes(new ManifestService({ db, clock, peppers, proofModels })),
      ...ingestionRoutes(new IngestionService({ db, clock, signingKey: config.iotEventSecret })),
    ],
    outboxHandlers: deviceOutboxHandlers({
      streams,
      shadows,
      retentionHours: config.streamRetentionHours,
    }),
  };
}

function composeStore(config: Config, { db, clock, log, mailer, payments }: Adapters): Feature {
  const checkouts = new CheckoutService({ db, clock, payments });
  const webhook = new OrderWebhookService({
    webhook: new SignedWebhookService({
      db,
      clock,
      verifier: new StripeSignatures(),
      endpoint: 'stripe-orders',
      secret: config.stripeOrderWebhookSecret,
    }),
    clock,
    log: log.child({ part: 'orders' }),
    livemode: isLiveKey(config.stripeSecretKey),
    read: readPaymentEvent,
  });
  const refunds = payments && new RefundService({ db, clock, payments });
  return {
    routes: [
      ...catalogRoutes(new CatalogService({ db, clock })),
      ...orderRoutes({ checkouts, orders: new OrderService({ db }), webhook }),
    ],
    outboxHandlers: orderOutboxHandlers({ db, checkouts, refunds, mailer }),
  };
}

function composeDataPlans(config: Config, adapters: Adapters): Feature {
  const { db, clock, log, carrier, planCheckouts: checkouts } = adapters;
  const dataPlanLog = log.child({ part: 'data-plans' });
  const entitlementsIn = (database: Database): EntitlementService =>
    new EntitlementService({ repository: new KnexEntitlementRepository(database), clock });
  const transitions = new PurchaseTransitions({ clock, entitlementsIn });
  const access = new DeviceAccess({
    devices: new KnexDeviceRepository(db),
    entitlements: entitlementsIn(db),
  });
  const paymentWebhook = new SignedWebhookService({
    db,
    clock,
    verifier: new StripeSignatures(),
    endpoint: 'stripe-data-plans',
    secret: config.stripeDataPlanWebhookSecret,
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
  });
  const plans = new KnexDataPlanRepository(db);
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
      reconciliation: new ReconcileService({ db, clock, cronSecret: config.cronSecret, transitions }),
      acknowledgement: config.eiotclubAcknowledgement,
    }),
    outboxHandlers: new FulfilmentService({
      db,
      clock,
      carrier,
      transitions,
      log: dataPlanLog,
    }).outboxHandlers(),
  };
}

/** Older: migrate it. Newer: this program would not understand what it finds. */
async function assertSchema(db: Database): Promise<void> {
  const { pending, unknown } = await readSchemaState(db);
  if (unknown.length > 0)
    throw new Error(`The database is newer than this program (${unknown.join(', ')}): update the program.`);
  if (pending.length > 0)
    throw new Error(`The database is older than this program (${pending.join(', ')}): run npm run migrate.`);
}

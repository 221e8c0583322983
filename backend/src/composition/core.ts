import { type Config } from '../config/config.ts';
import { type Database } from '../db/database.ts';
import { AccessTokens } from '../features/auth/access-token.ts';
import { RequestAuthentication } from '../features/auth/request-authentication.ts';
import { type SessionCookie, sessionCookie } from '../features/auth/session-cookie.ts';
import { SessionService } from '../features/auth/session-service.ts';
import { DeviceAccess } from '../features/devices/device-access.ts';
import { KnexDeviceRepository } from '../features/devices/device-repository.ts';
import { KnexEntitlementRepository } from '../features/entitlements/entitlement-repository.ts';
import { EntitlementService } from '../features/entitlements/entitlement-service.ts';
import type { RenderedPage } from '../http/rendered-page.ts';
import type { Route } from '../http/route.ts';
import type { ScheduledJob } from '../jobs/scheduled-job.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { OutboxHandlers } from '../outbox/outbox.ts';
import type { Adapters } from './adapters.ts';

/** A feature as the program sees it. */
export interface Feature {
  routes: Route[];
  pages?: readonly RenderedPage[];
  outboxHandlers?: OutboxHandlers;
  jobs?: readonly ScheduledJob[];
  /** What runs beside requests and jobs, from the program's start to its end. Both may be called twice. */
  background?: { start(): void; stop(): Promise<void> };
}

/** What every feature may use. */
export interface Core {
  config: Config;
  adapters: Adapters;
  sessions: SessionService;
  metrics: Metrics;
  /** Who sent a request. */
  authentication: RequestAuthentication;
  /** The browser's. */
  cookie: SessionCookie;
  /** The one guard of device routes. */
  access: DeviceAccess;
  entitlements: EntitlementService;
  /** The same service inside a transaction. */
  entitlementsIn: (database: Database) => EntitlementService;
}

export function composeCore(config: Config, adapters: Adapters): Core {
  const { db, clock } = adapters;
  const entitlementsIn = (database: Database): EntitlementService =>
    new EntitlementService({ repository: new KnexEntitlementRepository(database), clock });
  const entitlements = entitlementsIn(db);
  const sessions = composeSessions(config, adapters);
  const cookie = sessionCookie(config.publicUrl);
  const access = new DeviceAccess({ devices: new KnexDeviceRepository(db), entitlements, clock });
  return {
    config,
    adapters,
    sessions,
    authentication: new RequestAuthentication({ sessions, cookie, publicUrl: config.publicUrl }),
    cookie,
    metrics: new Metrics(),
    access,
    entitlements,
    entitlementsIn,
  };
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

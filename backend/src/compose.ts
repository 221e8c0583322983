import { readSchemaState, type SchemaState } from '@aovis/migrations/migrator';
import type { Express } from 'express';
import { createApp } from './app.ts';
import { composeAccount } from './composition/account.ts';
import type { Adapters } from './composition/adapters.ts';
import { composeAdmin } from './composition/admin.ts';
import { composeAi } from './composition/ai.ts';
import { composeAuth } from './composition/auth.ts';
import { composeBinding } from './composition/binding.ts';
import { composeCommands } from './composition/commands.ts';
import { composeCore, type Feature } from './composition/core.ts';
import { composeDataPlans } from './composition/data-plans.ts';
import { composeDevices } from './composition/devices.ts';
import { composeLine } from './composition/line.ts';
import { composeReports } from './composition/reports.ts';
import { composeSharing } from './composition/sharing.ts';
import { composeStore } from './composition/store.ts';
import { composeVideo } from './composition/video.ts';
import { type Config } from './config/config.ts';
import { type Database } from './db/database.ts';
import { AuditAnchors } from './features/audit/audit-anchors.ts';
import { healthRoutes } from './http/health-routes.ts';
import type { Authenticate } from './http/mount.ts';
import type { RenderedPage } from './http/rendered-page.ts';
import type { Route } from './http/route.ts';
import { Scheduler } from './jobs/scheduler.ts';
import { addDatabaseMetrics } from './metrics/database-metrics.ts';
import { MetricsServer } from './metrics/metrics-server.ts';
import type { OutboxHandlers } from './outbox/outbox.ts';
import { OutboxWorker } from './outbox/outbox-worker.ts';

export interface Backend {
  app: Express;
  routes: readonly Route[];
  pages: readonly RenderedPage[];
  outbox: OutboxWorker;
  /** Begins the background work. @throws SchemaRefused, ListenRefused */
  start(): Promise<void>;
  /** Ends it; safe to call twice. HTTP must be drained before. */
  stop(): Promise<void>;
}

/** The whole backend, wired. Nothing runs before `start()`. */
export function composeBackend(config: Config, adapters: Adapters): Backend {
  const { db, clock, log } = adapters;
  const core = composeCore(config, adapters);
  const { metrics } = core;
  const authenticate: Authenticate = async (context) => {
    const { userId, sessionId, role } = await core.authentication.authenticate(context);
    return { id: userId, sessionId, role };
  };

  const binding = composeBinding(core);
  const features: readonly Feature[] = [
    composeAuth(core),
    composeDevices(core, binding),
    composeLine(core),
    binding,
    composeSharing(core),
    composeVideo(core),
    composeAi(core),
    composeCommands(core),
    composeReports(core),
    composeStore(core),
    composeDataPlans(core),
    composeAdmin(core),
    composeAccount(core),
  ];
  const background = features.flatMap((feature) => feature.background ?? []);
  const health = healthRoutes({ database: () => assertMigrated(db) }, log.child({ part: 'health' }));
  const routes = [...health, ...features.flatMap((feature) => feature.routes)];
  const pages = features.flatMap((feature) => feature.pages ?? []);
  const handlers = Object.assign({}, ...features.map((feature) => feature.outboxHandlers)) as OutboxHandlers;

  const app = createApp({
    config,
    db,
    clock,
    log,
    authenticate,
    routes,
    pages,
    observe: (answered) => metrics.answered(answered),
  });
  const outbox = new OutboxWorker({
    db,
    databaseUrl: config.databaseUrl,
    handlers,
    log: log.child({ part: 'outbox' }),
    onHandled: (topic, outcome) => metrics.outboxHandled(topic, outcome),
  });
  const scheduler = new Scheduler({
    db,
    jobs: features.flatMap((feature) => feature.jobs ?? []),
    log: log.child({ part: 'jobs' }),
    onRun: (run) => metrics.jobRan(run),
  });
  addDatabaseMetrics(metrics.registry, db);
  const metricsServer = new MetricsServer({
    registry: metrics.registry,
    host: config.metricsHost,
    port: config.metricsPort,
    log: log.child({ part: 'metrics' }),
  });
  const anchors = new AuditAnchors({ db, path: config.auditAnchorFile, log: log.child({ part: 'audit' }) });
  return {
    app,
    routes,
    pages,
    outbox,
    start: async () => {
      await assertSameSchema(db);
      await metricsServer.start();
      outbox.start();
      scheduler.start();
      anchors.start();
      for (const part of background) part.start();
    },
    stop: async () => {
      await Promise.all([
        scheduler.stop(),
        outbox.stop(),
        anchors.stop(),
        metricsServer.stop(),
        ...background.map((part) => part.stop()),
      ]);
    },
  };
}

/** A schema that is not this version's, as a sentence. */
export class SchemaRefused extends Error {}

/** For a start. Newer: a version that is on its way out need not come up again. */
async function assertSameSchema(db: Database): Promise<void> {
  const { unknown } = await assertMigrated(db);
  if (unknown.length > 0)
    throw new SchemaRefused(
      `The database is newer than this program (${unknown.join(', ')}): update the program.`,
    );
}

/** For an instance that runs: it goes on when the next version's migrations came, for they only add. */
async function assertMigrated(db: Database): Promise<SchemaState> {
  const state = await readSchemaState(db);
  const { pending } = state;
  if (pending.length > 0)
    throw new SchemaRefused(
      `The database is older than this program (${pending.join(', ')}): run npm run migrate.`,
    );
  return state;
}

import { accountRoutes } from '../features/account/account-routes.ts';
import { AccountService } from '../features/account/account-service.ts';
import { DeletionService } from '../features/account/deletion-service.ts';
import { erasureOutboxHandlers } from '../features/account/erasure.ts';
import { AccountExportService, exportWindowMs } from '../features/account/export-service.ts';
import { retentionJob } from '../features/account/retention-job.ts';
import { SessionDirectory } from '../features/auth/session-directory.ts';
import { OrderService } from '../features/orders/order-service.ts';
import { PostgresRateLimitStore } from '../http/rate-limit-store.ts';
import type { Core, Feature } from './core.ts';

export function composeAccount({ adapters }: Core): Feature {
  const { db, clock } = adapters;
  const sessions = new SessionDirectory({ db, clock });
  const counter = new PostgresRateLimitStore({ db, name: 'account-export', windowMs: exportWindowMs });
  return {
    routes: accountRoutes({
      accounts: new AccountService({ db, clock }),
      orders: new OrderService({ db }),
      sessions,
      exports: new AccountExportService({ db, clock, counter }),
      deletions: new DeletionService({ db, clock, sessions }),
      clock,
    }),
    outboxHandlers: erasureOutboxHandlers(db),
    jobs: [retentionJob({ db, clock })],
  };
}

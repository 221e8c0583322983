import { batchQualityRoutes } from '../features/batch-quality/batch-quality-routes.ts';
import { BatchQualityService } from '../features/batch-quality/batch-quality-service.ts';
import { reportRoutes } from '../features/reports/report-routes.ts';
import { ReportService } from '../features/reports/report-service.ts';
import type { Core, Feature } from './core.ts';

/** What boards reported: to their owners each by itself, to staff by batch. */
export function composeReports({ adapters: { db, clock }, access }: Core): Feature {
  return {
    routes: [
      ...reportRoutes(new ReportService({ db, clock, access })),
      ...batchQualityRoutes(new BatchQualityService({ db, clock })),
    ],
  };
}

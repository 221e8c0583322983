import { getBatchQuality } from '@aovis/contracts/http/reports';
import { handle, type Route } from '../../http/route.ts';
import type { BatchQualityService } from './batch-quality-service.ts';

export function batchQualityRoutes(batches: BatchQualityService): Route[] {
  return [
    handle(getBatchQuality, async ({ params }) => ({ status: 200, body: await batches.get(params.id) })),
  ];
}

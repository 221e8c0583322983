import { changeBoard, importManifest, leaseBatch, lookUpBoards } from '@aovis/contracts/http/factory';
import { handle, type Route } from '../../http/route.ts';
import type { BatchLeaseService } from './batch-lease-service.ts';
import type { BoardService } from './board-service.ts';
import type { ManifestService } from './manifest-service.ts';

export function factoryRoutes({
  manifests,
  boards,
  leases,
}: {
  manifests: ManifestService;
  boards: BoardService;
  leases: BatchLeaseService;
}): Route[] {
  return [
    handle(importManifest, async ({ body, requestContext: { requestId } }) => ({
      status: 200,
      body: await manifests.import({ jws: body.manifest, dryRun: body.dry_run ?? false, requestId }),
    })),
    handle(lookUpBoards, async ({ body, requestContext: { requestId } }) => ({
      status: 200,
      body: await boards.lookUp(body.request, requestId),
    })),
    handle(changeBoard, async ({ body, requestContext: { requestId } }) => ({
      status: 200,
      body: await boards.change(body.request, requestId),
    })),
    handle(leaseBatch, async ({ body, requestContext: { requestId } }) => ({
      status: 200,
      body: await leases.handle(body.request, requestId),
    })),
  ];
}

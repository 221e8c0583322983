import { changeBoard, importManifest, lookUpBoards } from '@aovis/contracts/http/factory';
import { handle, type Route } from '../../http/route.ts';
import type { BoardService } from './board-service.ts';
import type { ManifestService } from './manifest-service.ts';

export function factoryRoutes({
  manifests,
  boards,
}: {
  manifests: ManifestService;
  boards: BoardService;
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
  ];
}

import { importManifest } from '@aovis/contracts/http/factory';
import { handle, type Route } from '../../http/route.ts';
import type { ManifestService } from './manifest-service.ts';

export function factoryRoutes(manifests: ManifestService): Route[] {
  return [
    handle(importManifest, async ({ body, requestContext: { requestId } }) => ({
      status: 200,
      body: await manifests.import({ jws: body.manifest, dryRun: body.dry_run ?? false, requestId }),
    })),
  ];
}

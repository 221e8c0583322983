import { ActivationService } from '../features/devices/activation-service.ts';
import { deviceOutboxHandlers } from '../features/devices/device-outbox.ts';
import { deviceRoutes } from '../features/devices/device-routes.ts';
import { DeviceService } from '../features/devices/device-service.ts';
import { expireEntitlementsJob } from '../features/entitlements/entitlement-expiry.ts';
import { BatchLeaseService } from '../features/factory/batch-lease-service.ts';
import { BoardService } from '../features/factory/board-service.ts';
import { factoryRoutes } from '../features/factory/factory-routes.ts';
import { ManifestService } from '../features/factory/manifest-service.ts';
import { ingestionRoutes } from '../features/ingestion/ingestion-routes.ts';
import { IngestionService } from '../features/ingestion/ingestion-service.ts';
import type { Binding } from './binding.ts';
import type { Core, Feature } from './core.ts';

export function composeDevices(
  { config, adapters, access, entitlements, entitlementsIn }: Core,
  { claims, proofs }: Pick<Binding, 'claims' | 'proofs'>,
): Feature {
  const { db, clock, shadows, streams, liveChannels } = adapters;
  const peppers = config.activationPeppers;

  const activations = new ActivationService({ db, clock, peppers, entitlementsIn, claims });
  const devices = new DeviceService({ db, clock, access, entitlements, shadows });
  const { proofModels } = config;
  return {
    routes: [
      ...deviceRoutes({ activations, devices }),
      ...factoryRoutes({
        manifests: new ManifestService({ db, clock, peppers, proofModels }),
        boards: new BoardService({ db, clock, peppers }),
        leases: new BatchLeaseService({ db, clock }),
      }),
      ...ingestionRoutes(new IngestionService({ db, clock, signingKeys: config.iotEventSecrets, proofs })),
    ],
    outboxHandlers: deviceOutboxHandlers({
      db,
      streams,
      channels: liveChannels,
      shadows,
      retentionHours: config.streamRetentionHours,
    }),
    jobs: [expireEntitlementsJob({ db, clock })],
  };
}

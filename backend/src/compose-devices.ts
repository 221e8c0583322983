import { IotShadows } from './aws/iot-shadows.ts';
import { KinesisVideoHls } from './aws/kinesis-video-hls.ts';
import { KinesisVideoStreams } from './aws/kinesis-video-streams.ts';
import type { Config } from './config/config.ts';
import type { Database } from './db/database.ts';
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
import { streamRoutes } from './features/video/stream-routes.ts';
import { StreamService } from './features/video/stream-service.ts';
import type { HlsSessions, VideoStreams } from './features/video/video-ports.ts';
import type { Route } from './http/route.ts';
import type { Clock } from './kernel/clock.ts';
import type { OutboxHandlers } from './outbox/outbox.ts';

export type DeviceSettings = Pick<
  Config,
  | 'awsRegion'
  | 'iotDataUrl'
  | 'kinesisVideoUrl'
  | 'activationPeppers'
  | 'proofModels'
  | 'streamRetentionHours'
  | 'iotEventSecret'
>;

/** The cloud that boards live in, as the features see it. */
export interface DeviceCloud {
  shadows: ShadowPort;
  streams: VideoStreams;
  sessions: HlsSessions;
  close(): void;
}

/** Opens no connection yet. */
export function awsDeviceCloud({
  awsRegion: region,
  iotDataUrl,
  kinesisVideoUrl,
}: DeviceSettings): DeviceCloud {
  const shadows = new IotShadows({ region, endpoint: iotDataUrl });
  const streams = new KinesisVideoStreams({ region, endpoint: kinesisVideoUrl });
  const sessions = new KinesisVideoHls({ region, endpoint: kinesisVideoUrl });
  return {
    shadows,
    streams,
    sessions,
    close: () => [shadows, streams, sessions].forEach((client) => client.close()),
  };
}

/** Boards and all that belongs to them: factory, activation, devices, video, ingestion. */
export function composeDevices({
  db,
  clock,
  settings,
  cloud,
}: {
  db: Database;
  clock: Clock;
  settings: DeviceSettings;
  cloud: DeviceCloud;
}): { routes: Route[]; outboxHandlers: OutboxHandlers } {
  const { activationPeppers: peppers } = settings;
  const entitlementsIn = (handle: Database): EntitlementService =>
    new EntitlementService({ repository: new KnexEntitlementRepository(handle), clock });
  const entitlements = entitlementsIn(db);
  const access = new DeviceAccess({ devices: new KnexDeviceRepository(db), entitlements });
  const activations = new ActivationService({ db, clock, peppers, entitlementsIn });
  const devices = new DeviceService({ db, clock, access, entitlements, shadows: cloud.shadows });
  const streams = new StreamService({ access, sessions: cloud.sessions, clock });
  const manifests = composeManifests({ db, clock, settings });
  const ingestion = new IngestionService({ db, clock, signingKey: settings.iotEventSecret });
  return {
    routes: [
      ...deviceRoutes({ activations, devices }),
      ...streamRoutes(streams),
      ...factoryRoutes(manifests),
      ...ingestionRoutes(ingestion),
    ],
    outboxHandlers: deviceOutboxHandlers({
      streams: cloud.streams,
      shadows: cloud.shadows,
      retentionHours: settings.streamRetentionHours,
    }),
  };
}

/** Also for the command line, which imports manifests from files. */
export function composeManifests({
  db,
  clock,
  settings: { activationPeppers: peppers, proofModels },
}: {
  db: Database;
  clock: Clock;
  settings: Pick<Config, 'activationPeppers' | 'proofModels'>;
}): ManifestService {
  return new ManifestService({
    db,
    clock,
    peppers,
    claimPolicyOf: (model) => (proofModels.includes(model) ? 'label+device' : 'label'),
  });
}

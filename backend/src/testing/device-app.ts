import { createServer, type Server } from 'node:http';
import { createApp } from '../app.ts';
import { composeDevices, type DeviceSettings } from '../compose-devices.ts';
import type { Database } from '../db/database.ts';
import { FakeShadows } from '../features/devices/testing/fake-shadows.ts';
import { testPeppers } from '../features/devices/testing/seed.ts';
import type { Playback } from '../features/video/stream-request.ts';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { createLogger } from '../kernel/logger.ts';

export const iotEventSecret = 'forwarder-key-of-the-fixture-0123456789';

export interface DeviceApp {
  server: Server;
  clock: FakeClock;
  shadows: FakeShadows;
  /** What was asked of the video service, newest last. */
  opened: Playback[];
}

/**
 * The server with the routes of boards over a real database; the cloud is faked. `Authorization: Bearer <user id>`
 * signs in. Close it by `server.close()`.
 */
export function createDeviceApp(db: Database): DeviceApp {
  const clock = new FakeClock('2026-03-01T08:00:00Z');
  const shadows = new FakeShadows();
  const opened: Playback[] = [];
  const settings: DeviceSettings = {
    awsRegion: 'us-east-1',
    iotDataUrl: 'https://iot.example',
    kinesisVideoUrl: undefined,
    activationPeppers: testPeppers,
    proofModels: ['p9'],
    streamRetentionHours: 24,
    iotEventSecret,
  };
  const cloud = {
    shadows,
    streams: { ensureStream: async () => {} },
    sessions: {
      open: async (_stream: string, playback: Playback) => {
        opened.push(playback);
        return 'https://video.example/master.m3u8?SessionToken=t';
      },
    },
    close: () => {},
  };
  const { routes } = composeDevices({ db, clock, settings, cloud });
  const app = createApp({
    config: { environment: 'development', corsOrigins: [], trustProxy: false, requestsPerMinute: 100_000 },
    db,
    clock,
    log: createLogger({ level: 'silent' }),
    routes,
    authenticate: async (context) => {
      const [, id] = /^Bearer ([0-9a-f-]{36})$/.exec(context.header('authorization') ?? '') ?? [];
      if (id === undefined) throw new AppError('unauthorized');
      return { id, sessionId: 's', role: 'user' };
    },
  });
  return { server: createServer(app), clock, shadows, opened };
}

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createApp } from '../app.ts';
import { type Backend, composeBackend } from '../compose.ts';
import type { Adapters } from '../composition/adapters.ts';
import { loadConfig } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { FakeShadows } from '../features/devices/testing/fake-shadows.ts';
import { testPepperText } from '../features/devices/testing/seed.ts';
import type { Playback } from '../features/video/stream-request.ts';
import type { SignedInUser } from '../http/route.ts';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { fakeAdapters } from './fake-adapters.ts';

export const iotEventSecret = 'forwarder-key-of-the-fixture-0123456789';

export interface DeviceApp {
  server: Server;
  /** Its background work is not running: outbox, jobs, what requests wait for. */
  backend: Backend;
  clock: FakeClock;
  shadows: FakeShadows;
  /** What was asked of the video service, newest last. */
  opened: Playback[];
}

/**
 * The backend as it is composed, over a real database and a faked cloud, but `Authorization: Bearer <user id>` signs
 * in: for tests of what comes after the sign-in.
 */
export function createDeviceApp(
  db: Database,
  databaseUrl: string,
  environment: Record<string, string> = {},
  adapters: Partial<Adapters> = {},
): DeviceApp {
  const clock = new FakeClock('2026-03-01T08:00:00Z');
  const log = createLogger({ level: 'silent' });
  const shadows = new FakeShadows();
  const opened: Playback[] = [];
  const config = loadConfig({
    AOVIS_ENVIRONMENT: 'development',
    AOVIS_LOG_LEVEL: 'silent',
    DATABASE_URL: databaseUrl,
    AOVIS_PUBLIC_URL: 'http://127.0.0.1',
    AOVIS_REQUESTS_PER_MINUTE: '100000',
    AOVIS_ACCESS_TOKEN_SECRET: 'signs-access-tokens-of-these-tests-0123',
    AOVIS_SESSION_SECRET: 'root-of-the-sessions-of-these-tests-456',
    AOVIS_SMTP_URL: 'smtp://127.0.0.1:1',
    AOVIS_ACTIVATION_PEPPERS: testPepperText,
    AOVIS_PROOF_MODELS: 'p9',
    AOVIS_IOT_EVENT_SECRET: iotEventSecret,
    AOVIS_IOT_DATA_URL: 'http://127.0.0.1:1',
    ...environment,
  });
  const backend = composeBackend(
    config,
    fakeAdapters({
      db,
      clock,
      log,
      shadows,
      hls: {
        open: async (_stream: string, playback: Playback) => {
          opened.push(playback);
          return 'https://video.example/master.m3u8?SessionToken=t';
        },
      },
      ...adapters,
    }),
  );
  const app = createApp({
    config,
    db,
    clock,
    log,
    routes: backend.routes,
    authenticate: async (context) => {
      const [, id] = /^Bearer ([0-9a-f-]{36})$/.exec(context.header('authorization') ?? '') ?? [];
      if (id === undefined) throw new AppError('unauthorized');
      const user = await db('users').where({ id }).first<Pick<SignedInUser, 'role'> | undefined>('role');
      return { id, sessionId: randomUUID(), role: user?.role ?? 'user' };
    },
  });
  return { server: createServer(app), backend, clock, shadows, opened };
}

import type { Adapters } from '../composition/adapters.ts';
import { FakeShadows } from '../features/devices/testing/fake-shadows.ts';
import { FakeLineRegistry } from '../features/line/testing/fake-line-registry.ts';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { createLogger } from '../kernel/logger.ts';

/** An outside world in which nothing is configured or within reach, but for what a test gives. */
export function fakeAdapters(given: Pick<Adapters, 'db'> & Partial<Adapters>): Adapters {
  return {
    clock: new FakeClock(),
    log: createLogger({ level: 'silent' }),
    mailer: { send: async () => {} },
    idTokens: { verify: () => Promise.reject(new AppError('invalid_token')) },
    shadows: new FakeShadows(),
    boardPublisher: { publish: async () => {} },
    certificates: { find: async () => undefined },
    lineRegistry: new FakeLineRegistry(),
    streams: { ensureStream: async () => {} },
    clips: {
      measure: async () => ({ fragments: 0, bytes: 0 }),
      open: () => Promise.reject(new AppError('stream_not_available')),
    },
    liveChannels: {
      ensureChannel: async () => {},
      invite: () => Promise.reject(new AppError('service_unavailable', { retryAfterMs: 2_000 })),
    },
    thumbnails: { take: async () => [] },
    hls: { open: () => Promise.reject(new AppError('stream_not_available')) },
    close: async () => {},
    ...given,
  };
}

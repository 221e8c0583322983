import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Clock } from '../../kernel/clock.ts';
import { Faults } from '../../kernel/faults.ts';
import { Pki } from '../../kernel/pki.ts';
import { type AccessKey, AccessKeys } from '../../kernel/principal.ts';
import type { Environment } from '../../kernel/service.ts';
import { Store } from '../../kernel/store.ts';
import { createKinesisVideo, type KinesisVideo, type KinesisVideoOptions } from '../kinesis-video.ts';

export const region = 'eu-central-1';
export const accountKey: AccessKey = {
  accessKeyId: 'AKIALOCALTEST',
  secretAccessKey: 'a secret that only tests know',
  principal: { kind: 'account', accessKeyId: 'AKIALOCALTEST' },
};

export interface Harness {
  service: KinesisVideo;
  clock: Clock;
  faults: Faults;
  accessKeys: AccessKeys;
  store: Store;
  directory: string;
  /** The answer of an admin route, `GET /_local/kinesis-video` say. */
  admin(route: string, params?: Record<string, string>): unknown;
  /** Stops the service and starts a new one on the same state, as after a restart. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The service alone, on a temporary folder and a free port. */
export async function startKinesisVideo(options: Partial<KinesisVideoOptions> = {}): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), 'kinesis-video-'));
  const [clock, faults, accessKeys] = [new Clock(), new Faults(), new AccessKeys()];
  accessKeys.add(accountKey);
  const pki = await Pki.open(join(directory, 'pki'));
  const open = async (): Promise<{ service: KinesisVideo; store: Store }> => {
    const store = new Store(join(directory, 'state.db'));
    const environment: Environment = {
      region,
      accountId: '123456789012',
      clock,
      store,
      directory: join(directory, 'media'),
      faults,
      accessKeys,
      pki,
      log: pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' }),
    };
    const service = createKinesisVideo(environment, { authorize: () => undefined, ...options });
    await service.start();
    return { service, store };
  };
  let opened = await open();
  const close = async (): Promise<void> => {
    await opened.service.stop();
    opened.store.close();
  };
  return {
    get service() {
      return opened.service;
    },
    get store() {
      return opened.store;
    },
    clock,
    faults,
    accessKeys,
    directory,
    admin(route, params = {}) {
      const found = opened.service.adminRoutes.find(({ method, path }) => `${method} ${path}` === route);
      return found?.handle({
        params,
        query: new URLSearchParams(),
        body: undefined,
        signal: new AbortController().signal,
      });
    },
    async restart() {
      await close();
      opened = await open();
    },
    async stop() {
      await close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

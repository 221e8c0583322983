import { createServer } from 'node:http';
import { Writable } from 'node:stream';
import { composeBackend } from '@aovis/backend/compose';
import { productionAdapters } from '@aovis/backend/composition/adapters';
import { loadConfig } from '@aovis/backend/config/config';
import { createLogger } from '@aovis/backend/kernel/logger';
import { accessTokenSecret, iotEventSecret, publicUrl } from './fixture.ts';
import { serve } from './serve.ts';

/**
 * The backend as it is composed, over the database named by the environment. Its log lines are made and dropped; the
 * shadow, which lies at AWS, answers at once: both servers leave it out.
 */
const config = loadConfig({
  AOVIS_ENVIRONMENT: 'production',
  DATABASE_URL: process.env.DATABASE_URL,
  AOVIS_PUBLIC_URL: publicUrl,
  AOVIS_REQUESTS_PER_MINUTE: '1000000',
  AOVIS_ACCESS_TOKEN_SECRET: accessTokenSecret,
  AOVIS_SESSION_SECRET: 'root-of-the-sessions-of-this-benchmark-0',
  AOVIS_IOT_EVENT_SECRET: iotEventSecret,
  AOVIS_ACTIVATION_PEPPERS: `b1:${'0123456789abcdef'.repeat(4)}`,
  AOVIS_IOT_DATA_URL: 'https://iot.example.com',
  AOVIS_SMTP_URL: 'smtps://mail.example.com',
  AOVIS_GOOGLE_CLIENT_IDS: 'benchmark',
});
const log = createLogger({
  level: 'info',
  destination: new Writable({ write: (_chunk, _encoding, done) => done() }),
});
const adapters = {
  ...productionAdapters(config, log),
  shadows: { find: async () => undefined, mergeDesired: async () => {}, clear: async () => {} },
};
await serve(createServer(composeBackend(config, adapters).app));

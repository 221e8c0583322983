import { parsePeppers } from '../features/devices/activation-hash.ts';
import {
  awsRegion,
  countries,
  databaseUrl,
  jsonOrText,
  list,
  oneOf,
  origin,
  origins,
  sender,
  stripeKey,
  stripeWebhookSecret,
  strongSecret,
  strongSecrets,
  text,
  trustProxy,
  url,
  wholeNumber,
} from './parsers.ts';

export interface Setting<Value> {
  variable: string;
  parse: (value: string) => Value;
  /** In the form in which it is written; without one the setting must be given. */
  default?: string;
  /** Never printed; may be given as a file instead: `<VARIABLE>_FILE`. */
  secret?: true;
  /** For .env.example and for people. */
  sentence: string;
  /** For .env.example, where there is no default. */
  example?: string;
}

function setting<Value>(
  variable: string,
  parse: (value: string) => Value,
  sentence: string,
  options: { default?: string; secret?: true; example?: string } = {},
): Setting<Value> {
  return { variable, parse, sentence, ...options };
}

const optional =
  <Value>(parse: (value: string) => Value) =>
  (value: string): Value | undefined =>
    value === '' ? undefined : parse(value);

/** Every setting of the backend, one row each. */
export const settings = {
  environment: setting(
    'AOVIS_ENVIRONMENT',
    oneOf('production', 'development'),
    'production refuses plain http addresses; development is for laptops and tests.',
    { default: 'production' },
  ),
  logLevel: setting(
    'AOVIS_LOG_LEVEL',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'Least level that is logged.',
    {
      default: 'info',
    },
  ),

  databaseUrl: setting('DATABASE_URL', databaseUrl, 'PostgreSQL 15 or newer, migrated by npm run migrate.', {
    secret: true,
    example: 'postgres://aovis:<password>@127.0.0.1:5432/aovis',
  }),
  databasePoolSize: setting(
    'AOVIS_DATABASE_POOL_SIZE',
    wholeNumber({ min: 2, max: 100 }),
    'Connections a process holds at most; about twice the cores of the database.',
    { default: '10' },
  ),

  httpHost: setting('AOVIS_HTTP_HOST', text, 'Address to listen on.', { default: '127.0.0.1' }),
  httpPort: setting(
    'AOVIS_HTTP_PORT',
    wholeNumber({ min: 0, max: 65_535 }),
    'Port to listen on; 0 takes a free one.',
    {
      default: '8080',
    },
  ),
  metricsHost: setting('AOVIS_METRICS_HOST', text, 'Address on which Prometheus finds /metrics.', {
    default: '127.0.0.1',
  }),
  metricsPort: setting(
    'AOVIS_METRICS_PORT',
    optional(wholeNumber({ min: 0, max: 65_535 })),
    'Port of /metrics, apart from the API; empty serves none, 0 takes a free one.',
    { default: '' },
  ),
  publicUrl: setting(
    'AOVIS_PUBLIC_URL',
    origin,
    'Where clients reach the backend; goes into mailed links and names the issuer of access tokens.',
    { example: 'https://api.example.com' },
  ),
  trustProxy: setting(
    'AOVIS_TRUST_PROXY',
    trustProxy,
    'Proxies in front whose X-Forwarded-For is believed: their number, or their addresses as CIDR.',
    { default: '0' },
  ),
  corsOrigins: setting(
    'AOVIS_CORS_ORIGINS',
    origins,
    'Web origins that may call the API, separated by commas.',
    {
      default: '',
    },
  ),
  requestsPerMinute: setting(
    'AOVIS_REQUESTS_PER_MINUTE',
    wholeNumber({ min: 1, max: 1_000_000 }),
    'Requests one address may send to one process; secrets have stricter limits of their own.',
    { default: '600' },
  ),

  accessTokenSecret: setting('AOVIS_ACCESS_TOKEN_SECRET', strongSecret, 'Signs access tokens.', {
    secret: true,
  }),
  accessTokenTtlSeconds: setting(
    'AOVIS_ACCESS_TOKEN_TTL_SECONDS',
    wholeNumber({ min: 10, max: 3_600 }),
    'How long an access token is valid.',
    { default: '900' },
  ),
  sessionSecret: setting(
    'AOVIS_SESSION_SECRET',
    strongSecret,
    'Key from which refresh tokens and mailed links follow.',
    { secret: true },
  ),
  sessionTtlDays: setting(
    'AOVIS_SESSION_TTL_DAYS',
    wholeNumber({ min: 1, max: 400 }),
    'After so many days people sign in again.',
    { default: '90' },
  ),

  googleClientIds: setting(
    'AOVIS_GOOGLE_CLIENT_IDS',
    list,
    'Our client ids at Google, separated by commas; none switches Google sign-in off.',
    { default: '' },
  ),
  googleIssuers: setting('AOVIS_GOOGLE_ISSUERS', list, 'Issuers of Google id tokens.', {
    default: 'https://accounts.google.com,accounts.google.com',
  }),
  googleJwksUrl: setting('AOVIS_GOOGLE_JWKS_URL', url('https', 'http'), 'Where Google publishes its keys.', {
    default: 'https://www.googleapis.com/oauth2/v3/certs',
  }),
  appleClientIds: setting(
    'AOVIS_APPLE_CLIENT_IDS',
    list,
    'Our bundle and services ids at Apple, separated by commas; none switches Apple sign-in off.',
    { default: '' },
  ),
  appleIssuers: setting('AOVIS_APPLE_ISSUERS', list, 'Issuers of Apple id tokens.', {
    default: 'https://appleid.apple.com',
  }),
  appleJwksUrl: setting('AOVIS_APPLE_JWKS_URL', url('https', 'http'), 'Where Apple publishes its keys.', {
    default: 'https://appleid.apple.com/auth/keys',
  }),

  smtpUrl: setting(
    'AOVIS_SMTP_URL',
    url('smtp', 'smtps'),
    'Mail server, with user and password where it wants them; production sends over TLS alone, but for a relay on this machine.',
    {
      secret: true,
      example: 'smtps://user:<password>@mail.example.com',
    },
  ),
  mailFrom: setting('AOVIS_MAIL_FROM', sender, 'Sender of our mails.', {
    default: 'AOVIS <no-reply@aovis.app>',
  }),

  activationPeppers: setting(
    'AOVIS_ACTIVATION_PEPPERS',
    parsePeppers,
    'Keys of the activation-code hashes as id:key, the current one first, older ones after commas; a key is 32 random bytes in hex or base64url.',
    { secret: true, example: 'p1:<64 hex digits>' },
  ),
  proofModels: setting(
    'AOVIS_PROOF_MODELS',
    list,
    'Model codes whose boards must confirm their activation themselves, separated by commas.',
    { default: '' },
  ),
  iotEventSecrets: setting(
    'AOVIS_IOT_EVENT_SECRET',
    strongSecrets,
    'Shared with the forwarder of the IoT rule: signs what boards say. While it changes: the new one, a comma, the old one.',
    { secret: true },
  ),

  awsRegion: setting(
    'AOVIS_AWS_REGION',
    awsRegion,
    'Region of IoT Core and Kinesis Video; credentials come from the SDK’s default chain.',
    {
      default: 'us-east-1',
    },
  ),
  iotDataUrl: setting(
    'AOVIS_IOT_DATA_URL',
    url('https', 'http'),
    'IoT data plane of the account (aws iot describe-endpoint --endpoint-type iot:Data-ATS).',
    {
      example: 'https://<prefix>-ats.iot.us-east-1.amazonaws.com',
    },
  ),
  iotControlUrl: setting(
    'AOVIS_IOT_CONTROL_URL',
    optional(url('https', 'http')),
    'Replaces the public address of IoT Core in the region, where the boards’ certificates are registered.',
    { default: '' },
  ),
  iotPolicy: setting('AOVIS_IOT_POLICY', text, 'IoT policy that boards of the line API get; it must exist.', {
    default: 'aovis-board',
  }),
  iotThingType: setting(
    'AOVIS_IOT_THING_TYPE',
    text,
    'Thing type of boards of the line API; it must exist.',
    { default: 'aovis-camera' },
  ),
  kinesisVideoUrl: setting(
    'AOVIS_KINESIS_VIDEO_URL',
    optional(url('https', 'http')),
    'Replaces the public Kinesis Video address of the region.',
    { default: '' },
  ),
  streamRetentionHours: setting(
    'AOVIS_STREAM_RETENTION_HOURS',
    wholeNumber({ min: 1, max: 87_600 }),
    'How long recordings are kept.',
    { default: '168' },
  ),

  aiSummaries: setting(
    'AOVIS_AI_SUMMARIES',
    oneOf('on', 'off'),
    'on lets a model of Amazon Bedrock describe thumbnails to owners who consented; every use costs money.',
    { default: 'off' },
  ),
  aiSummariesPerDay: setting(
    'AOVIS_AI_SUMMARIES_PER_DAY',
    wholeNumber({ min: 1, max: 10_000 }),
    'Summaries in 24 hours, for one user and for one device.',
    { default: '50' },
  ),
  bedrockModel: setting(
    'AOVIS_BEDROCK_MODEL',
    text,
    'Model, or inference profile of the geography of AOVIS_AWS_REGION, that looks at thumbnails.',
    { default: 'us.amazon.nova-lite-v1:0' },
  ),
  bedrockUrl: setting(
    'AOVIS_BEDROCK_URL',
    optional(url('https', 'http')),
    'Replaces the public Bedrock Runtime address of the region.',
    { default: '' },
  ),

  stripeSecretKey: setting(
    'AOVIS_STRIPE_SECRET_KEY',
    optional(stripeKey),
    'API key of our Stripe account; without it nothing can be bought.',
    { secret: true, default: '' },
  ),
  stripeOrderWebhookSecret: setting(
    'AOVIS_STRIPE_WEBHOOK_SECRET',
    optional(stripeWebhookSecret),
    'Signing secret of the endpoint /api/stripe/webhook at Stripe.',
    { secret: true, default: '' },
  ),
  stripeUrl: setting(
    'AOVIS_STRIPE_URL',
    optional(url('https', 'http')),
    'Replaces https://api.stripe.com on laptops and in tests.',
    { default: '' },
  ),
  shippingCountries: setting(
    'AOVIS_SHIPPING_COUNTRIES',
    countries,
    'Countries we send orders to, as two-letter codes separated by commas.',
    { default: 'US' },
  ),

  stripeDataPlanWebhookSecret: setting(
    'AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET',
    optional(stripeWebhookSecret),
    'Signs what Stripe reports of data plans: that of the endpoint /api/webhooks/data-plan.',
    { default: '', secret: true },
  ),
  eiotclubAppKey: setting(
    'EIOTCLUB_APP_KEY',
    optional(text),
    'Our account at the SIM carrier; without it data plans are neither sold nor ordered.',
    { default: '' },
  ),
  eiotclubSecret: setting('EIOTCLUB_SECRET', optional(text), 'Signs our calls of the SIM carrier.', {
    default: '',
    secret: true,
  }),
  eiotclubBaseUrl: setting('EIOTCLUB_BASE_URL', url('https', 'http'), 'Where the SIM carrier answers.', {
    default: 'https://oapi.eiotclub.com',
  }),
  eiotclubWebhookSecret: setting(
    'EIOTCLUB_WEBHOOK_SECRET',
    optional(text),
    'Signs the notifications of the SIM carrier; the carrier may use the same as for calls.',
    { default: '', secret: true },
  ),
  eiotclubWebhookWindowSeconds: setting(
    'EIOTCLUB_WEBHOOK_WINDOW_SECONDS',
    wholeNumber({ min: 1, max: 604_800 }),
    'How far the time of a notification may be from ours; more when the carrier repeats old ones.',
    { default: '300' },
  ),
  eiotclubAcknowledgement: setting(
    'EIOTCLUB_ACKNOWLEDGEMENT',
    jsonOrText,
    'What a notification of the SIM carrier is answered: a JSON object, or a text as it is.',
    { default: '{"code":"200","message":"success"}' },
  ),
  cronSecret: setting(
    'CRON_SECRET',
    optional(strongSecret),
    'Shared with the scheduler that calls /api/cron; without it these calls are refused.',
    { default: '', secret: true },
  ),

  auditAnchorFile: setting(
    'AOVIS_AUDIT_ANCHOR_FILE',
    optional(text),
    'File to which the end of the audit log is noted every minute, best on another disk; audit verify compares.',
    { default: '' },
  ),
} as const;

export type Config = {
  -readonly [Name in keyof typeof settings]: ReturnType<(typeof settings)[Name]['parse']>;
};

import { resolve } from 'node:path';
import { z } from 'zod';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number from 0 to 65535')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port number from 0 to 65535');

interface Setting {
  variable: string;
  schema: z.ZodType<string | number>;
  default: string;
  about: string;
}

/** Every setting of the stand-ins: one row each. A port of 0 is a free one of 20000 to 32767, remembered in the state folder. */
export const settings = {
  directory: row('LOCAL_CLOUD_DIR', z.string().min(1), '.local/cloud', 'Folder that holds all state'),
  endpointsFile: row(
    'LOCAL_CLOUD_ENDPOINTS_FILE',
    z.string().min(1),
    '.local/endpoints.json',
    'File that says where everything is while the stand-ins run; --endpoints-file outweighs it',
  ),
  region: row(
    'LOCAL_CLOUD_REGION',
    z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is no AWS region such as us-east-1'),
    'us-east-1',
    'Region in ARNs and in the endpoints file',
  ),
  accountId: row(
    'LOCAL_CLOUD_ACCOUNT_ID',
    z.string().regex(/^\d{12}$/, 'must be twelve digits'),
    '123456789012',
    'Account in ARNs',
  ),
  logLevel: row(
    'LOCAL_CLOUD_LOG_LEVEL',
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    'warn',
    'Log lines on stderr from this level up',
  ),
  adminPort: row('LOCAL_CLOUD_ADMIN_PORT', port, '0', 'Port of the admin surface'),
  iotPort: row('LOCAL_CLOUD_IOT_PORT', port, '0', 'Port of the IoT control plane'),
  iotDataPort: row('LOCAL_CLOUD_IOT_DATA_PORT', port, '0', 'Port of the IoT data plane over HTTP'),
  mqttPort: row('LOCAL_CLOUD_MQTT_PORT', port, '0', 'Port of MQTT over TLS'),
  credentialsPort: row('LOCAL_CLOUD_CREDENTIALS_PORT', port, '0', 'Port of the credential provider'),
  kinesisVideoPort: row('LOCAL_CLOUD_KINESIS_VIDEO_PORT', port, '0', 'Port of Kinesis Video'),
  kinesisSignalingPort: row(
    'LOCAL_CLOUD_KINESIS_SIGNALING_PORT',
    port,
    '0',
    'Port of the signaling channels of Kinesis Video',
  ),
  bedrockPort: row('LOCAL_CLOUD_BEDROCK_PORT', port, '0', 'Port of the Bedrock-like model runtime'),
  kmsPort: row('LOCAL_CLOUD_KMS_PORT', port, '0', 'Port of the key management service'),
  serviceQuotasPort: row('LOCAL_CLOUD_SERVICE_QUOTAS_PORT', port, '0', 'Port of the service quotas'),
  identityPort: row('LOCAL_CLOUD_IDENTITY_PORT', port, '0', 'Port of the Google- and Apple-like issuers'),
  smtpPort: row('LOCAL_CLOUD_SMTP_PORT', port, '0', 'Port of the mail sink for SMTP'),
  mailPort: row('LOCAL_CLOUD_MAIL_PORT', port, '0', 'Port of the mail sink for readers'),
  stripePort: row('LOCAL_CLOUD_STRIPE_PORT', port, '0', 'Port of the Stripe-like API and its pay page'),
  eiotclubPort: row('LOCAL_CLOUD_EIOTCLUB_PORT', port, '0', 'Port of the EIOTCLUB-like open platform'),
} as const;

export type Config = { [K in keyof typeof settings]: z.output<(typeof settings)[K]['schema']> };
/** Settings that are ports. */
export type PortName = Extract<keyof Config, `${string}Port`>;

/**
 * Reads the settings and reports every problem at once, one sentence each. An unknown LOCAL_CLOUD_ variable is a
 * problem too: it is most likely a typing error.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const entries = Object.entries(settings).map(([name, setting]) => {
    const text = env[setting.variable] ?? setting.default;
    const parsed = (setting as Setting).schema.safeParse(text);
    if (!parsed.success)
      problems.push(
        `${setting.variable}=${JSON.stringify(text)}: ${parsed.error.issues[0]?.message}. ${setting.about}; default ${setting.default}.`,
      );
    return [name, parsed.data] as const;
  });
  const known = new Set<string>(Object.values(settings).map(({ variable }) => variable));
  for (const variable of Object.keys(env))
    if (variable.startsWith('LOCAL_CLOUD_') && !known.has(variable))
      problems.push(`${variable} is not a setting; there are ${[...known].join(', ')}.`);
  if (problems.length > 0) throw new ConfigError(problems);
  const config = Object.fromEntries(entries) as Config;
  return {
    ...config,
    directory: resolve(config.directory),
    endpointsFile: resolve(config.endpointsFile),
  };
}

export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

function row<T extends z.ZodType<string | number>>(
  variable: string,
  schema: T,
  fallback: string,
  about: string,
): { variable: string; schema: T; default: string; about: string } {
  return { variable, schema, default: fallback, about };
}

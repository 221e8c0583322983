import { join } from 'node:path';
import { bundleDescriptorSchema, hostPortSchema, manifestSchema } from '@aovis/contracts/provisioning';
import { z } from 'zod';
import { findTextFile } from './files/durable-files.ts';
import { Refusal } from './refusal.ts';

/** One setting: where it may come from, what it may be, and why it is there. */
interface Setting {
  /** Environment variable. The flag and the key of `config.json` follow from the row's name. */
  variable: string;
  schema: z.ZodType<string | number | undefined>;
  default: string | undefined;
  sentence: string;
}

function setting<T extends string | number | undefined>(row: {
  variable: string;
  schema: z.ZodType<T>;
  default?: string;
  sentence: string;
}): Setting & { schema: z.ZodType<T> } {
  return { ...row, default: row.default };
}

const nameSchema = z.string().regex(/^[a-zA-Z0-9:_-]{1,128}$/, 'expected a name of letters, digits, : _ and -');
const tps = z.coerce.number().positive('expected calls a second, e.g. 10');
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected http://… or https://…' });

/**
 * Every setting of the tool. A value comes from its flag (`--iot-control-url`), else its environment variable, else
 * `config.json` of the workspace (`iot_control_url`), else its default. AWS credentials are not here: the AWS SDK
 * finds them in its usual places (environment, ~/.aws, SSO, instance role).
 */
export const settings = {
  region: setting({
    variable: 'AWS_REGION',
    schema: bundleDescriptorSchema.shape.region.optional(),
    sentence: 'AWS region of the boards, e.g. eu-central-1.',
  }),
  iot_control_url: setting({
    variable: 'AOVIS_IOT_CONTROL_URL',
    schema: httpUrl.optional(),
    sentence: 'AWS IoT control endpoint, instead of the public one of the region.',
  }),
  backend_url: setting({
    variable: 'AOVIS_BACKEND_URL',
    schema: httpUrl.optional(),
    sentence: 'Backend that gets the hash manifests; without it they are only written as files.',
  }),
  station_id: setting({
    variable: 'AOVIS_STATION_ID',
    schema: manifestSchema.shape.station_id.optional(),
    sentence: 'Name of this station, as registered at the backend, e.g. line-1.',
  }),
  policy: setting({
    variable: 'AOVIS_IOT_POLICY',
    schema: nameSchema,
    default: 'aovis-board',
    sentence: 'IoT policy that each board gets; it must exist.',
  }),
  thing_group: setting({
    variable: 'AOVIS_IOT_THING_GROUP',
    schema: nameSchema.optional(),
    sentence:
      'Thing group that carries the policy: boards join it, and the policy is not attached to each certificate.',
  }),
  thing_type: setting({
    variable: 'AOVIS_IOT_THING_TYPE',
    schema: nameSchema,
    default: 'aovis-camera',
    sentence: 'Thing type of the boards; it must exist.',
  }),
  role_alias: setting({
    variable: 'AOVIS_IOT_ROLE_ALIAS',
    schema: bundleDescriptorSchema.shape.role_alias,
    default: 'aovis-board-video',
    sentence: 'Role alias through which boards get credentials for video; it must exist.',
  }),
  certificate_registration: setting({
    variable: 'AOVIS_CERTIFICATE_REGISTRATION',
    schema: z.enum(['ca', 'without-ca']),
    default: 'ca',
    sentence: 'ca: under the registered CA; without-ca: each certificate alone (RegisterCertificateWithoutCA).',
  }),
  iot_endpoint: setting({
    variable: 'AOVIS_IOT_ENDPOINT',
    schema: hostPortSchema.optional(),
    sentence: 'MQTT host[:port] written into bundles; asked from AWS (iot:Data-ATS) when absent.',
  }),
  credentials_endpoint: setting({
    variable: 'AOVIS_CREDENTIALS_ENDPOINT',
    schema: hostPortSchema.optional(),
    sentence:
      'Credential provider host[:port] written into bundles; asked from AWS (iot:CredentialProvider) when absent.',
  }),
  kinesis_video_url: setting({
    variable: 'AOVIS_KINESIS_VIDEO_URL',
    schema: httpUrl.optional(),
    sentence: 'Kinesis Video endpoint written into bundles, instead of the public one of the region.',
  }),
  root_ca_file: setting({
    variable: 'AOVIS_ROOT_CA_FILE',
    schema: z.string().min(1).optional(),
    sentence:
      'PEM file of the roots that boards trust as the cloud; for AWS: https://www.amazontrust.com/repository/AmazonRootCA1.pem',
  }),
  certificate_years: setting({
    variable: 'AOVIS_CERTIFICATE_YEARS',
    schema: z.union([
      z.literal('never'),
      z.coerce.number('expected years from 1 to 100, or never').int().min(1).max(100),
    ]),
    default: '20',
    sentence: 'Validity of board certificates in years, or never.',
  }),
  boards_in_flight: setting({
    variable: 'AOVIS_BOARDS_IN_FLIGHT',
    schema: z.coerce.number().int().min(1).max(1000),
    default: '64',
    sentence: 'How many boards are worked on at once.',
  }),
  request_timeout_ms: setting({
    variable: 'AOVIS_REQUEST_TIMEOUT_MS',
    schema: z.coerce.number().int().min(100).max(300_000),
    default: '15000',
    sentence: 'After so many milliseconds without an answer a call is repeated.',
  }),
  outage_patience_seconds: setting({
    variable: 'AOVIS_OUTAGE_PATIENCE_SECONDS',
    schema: z.coerce.number().min(0).max(86_400),
    default: '60',
    sentence: 'How long an outage of the cloud or the backend is waited out before the run stops.',
  }),
  tps_register_certificate: setting({
    variable: 'AOVIS_TPS_REGISTER_CERTIFICATE',
    schema: tps,
    default: '10',
    sentence: "The account's quota of RegisterCertificate, calls a second.",
  }),
  tps_update_certificate: setting({
    variable: 'AOVIS_TPS_UPDATE_CERTIFICATE',
    schema: tps,
    default: '10',
    sentence: "The account's quota of UpdateCertificate, calls a second.",
  }),
  tps_describe_certificate: setting({
    variable: 'AOVIS_TPS_DESCRIBE_CERTIFICATE',
    schema: tps,
    default: '10',
    sentence: "The account's quota of DescribeCertificate, calls a second.",
  }),
  tps_attach_policy: setting({
    variable: 'AOVIS_TPS_ATTACH_POLICY',
    schema: tps,
    default: '15',
    sentence: "The account's quota of AttachPolicy, calls a second.",
  }),
  tps_create_thing: setting({
    variable: 'AOVIS_TPS_CREATE_THING',
    schema: tps,
    default: '100',
    sentence: "The account's quota of CreateThing, calls a second.",
  }),
  tps_attach_thing_principal: setting({
    variable: 'AOVIS_TPS_ATTACH_THING_PRINCIPAL',
    schema: tps,
    default: '100',
    sentence: "The account's quota of AttachThingPrincipal, calls a second.",
  }),
  tps_add_thing_to_thing_group: setting({
    variable: 'AOVIS_TPS_ADD_THING_TO_THING_GROUP',
    schema: tps,
    default: '100',
    sentence: "The account's quota of AddThingToThingGroup, calls a second.",
  }),
};

export type SettingName = keyof typeof settings;
export type Config = { [Name in SettingName]: z.output<(typeof settings)[Name]['schema']> };
export type ConfigSources = {
  flags: Partial<Record<string, string>>;
  env: Partial<Record<string, string>>;
  /** Parsed `config.json`. */
  file: Record<string, unknown>;
};

export const settingNames = Object.keys(settings) as SettingName[];

/** `iot_control_url` → `--iot-control-url`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

/** Pure; reports every problem at once. */
export function loadConfig(sources: ConfigSources): Config {
  const problems: string[] = Object.keys(sources.file)
    .filter((key) => !(key in settings))
    .map((key) => `config.json: ${key} is no setting; remove it or correct its name.`);
  for (const variable of Object.keys(sources.env).filter((name) => name.startsWith('AOVIS_'))) {
    const near = settingNames.find((name) => settings[name].variable === variable);
    if (!near && isOurs(variable)) problems.push(`environment: ${variable} is no setting of this tool.`);
  }
  const entries = settingNames.map((name) => {
    const { schema, variable, default: fallback } = settings[name];
    const [origin, raw] = firstOf([
      [flagOf(name), sources.flags[name]],
      [variable, sources.env[variable] || undefined],
      [`config.json: ${name}`, sources.file[name]],
      ['default', fallback],
    ]);
    const parsed = schema.safeParse(typeof raw === 'number' ? String(raw) : raw);
    if (!parsed.success)
      problems.push(`${origin}: ${parsed.error.issues[0]?.message ?? 'not valid'}. ${settings[name].sentence}`);
    return [name, parsed.data];
  });
  if (problems.length > 0) {
    throw new Refusal('usage', 'The settings are not right; correct them and start again.', {
      details: problems,
    });
  }
  return Object.fromEntries(entries) as Config;
}

function firstOf(candidates: [origin: string, value: unknown][]): [string, unknown] {
  return candidates.find(([, value]) => value !== undefined) ?? ['default', undefined];
}

/** A misspelt variable of ours; those of the other programs on the same machine are none of our business. */
function isOurs(variable: string): boolean {
  return /^AOVIS_(TPS|STATION|CERTIFICATE|OUTAGE|BOARDS|REQUEST)_/.test(variable);
}

export async function readConfigFile(workspace: string): Promise<Record<string, unknown>> {
  const path = join(workspace, 'config.json');
  const text = await findTextFile(path);
  if (text === undefined) return {};
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    throw new Refusal('usage', `${path} is not a JSON object of settings; correct it.`, { cause: error });
  }
}

/** For what one command needs and others do not. */
export function requireSetting<Name extends SettingName>(
  config: Config,
  name: Name,
): NonNullable<Config[Name]> {
  const value = config[name];
  if (value === undefined || value === null) {
    throw new Refusal(
      'usage',
      `The setting ${name} is missing: give ${flagOf(name)}, set ${settings[name].variable}, or write it into config.json. ` +
        settings[name].sentence,
    );
  }
  return value;
}

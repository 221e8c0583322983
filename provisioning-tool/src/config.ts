import { join } from 'node:path';
import { bundleDescriptorSchema, hostPortSchema, manifestSchema } from '@aovis/contracts/provisioning';
import { z } from 'zod';
import { boardKeyKinds } from './ca/board-key-kind.ts';
import { findPrivateText } from './files/private-file.ts';
import { Refusal } from './refusal.ts';
import { flagOf, type SettingKind, type SettingName, settingNames, settings } from './settings.ts';

const parsers = {
  region: bundleDescriptorSchema.shape.region,
  httpUrl: z.url({ protocol: /^https?$/, error: 'expected http://… or https://…' }),
  hostPort: hostPortSchema,
  name: z.string().regex(/^[a-zA-Z0-9:_-]{1,128}$/, 'expected a name of letters, digits, : _ and -'),
  format: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,39}$/, 'expected the name of a label format'),
  stationId: manifestSchema.shape.station_id,
  roleAlias: bundleDescriptorSchema.shape.role_alias,
  registration: z.enum(['ca', 'without-ca'], 'expected ca or without-ca'),
  path: z.string().min(1),
  years: z.union(
    [z.literal('never'), z.coerce.number().int().min(1).max(100)],
    'expected years from 1 to 100, or never',
  ),
  boardKey: z.enum(boardKeyKinds, 'expected ec-p256 or rsa-2048'),
  count: z.coerce.number('expected a number from 1 to 1000').int().min(1).max(1000),
  milliseconds: z.coerce.number('expected milliseconds').int().min(100).max(300_000),
  seconds: z.coerce.number('expected seconds').min(0).max(86_400),
  callsPerSecond: z.coerce.number('expected calls a second, e.g. 10').positive(),
} satisfies Record<SettingKind, z.ZodType>;

type ValueOf<Name extends SettingName> = z.output<(typeof parsers)[(typeof settings)[Name]['kind']]>;
export type Config = {
  [Name in SettingName]: (typeof settings)[Name] extends { default: string }
    ? ValueOf<Name>
    : ValueOf<Name> | undefined;
};
export type ConfigSources = {
  flags: Partial<Record<string, string>>;
  env: Partial<Record<string, string>>;
  /** Parsed `config.json`. */
  file: Record<string, unknown>;
};

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
    const row: { variable: string; kind: SettingKind; default?: string } = settings[name];
    const { kind, variable, default: fallback } = row;
    const [origin, raw] = firstOf([
      [flagOf(name), sources.flags[name]],
      [variable, sources.env[variable] || undefined],
      [`config.json: ${name}`, sources.file[name]],
      ['default', fallback],
    ]);
    if (raw === undefined) return [name, undefined];
    const parsed = parsers[kind].safeParse(typeof raw === 'number' ? String(raw) : raw);
    if (!parsed.success)
      problems.push(
        `${origin}: ${parsed.error.issues[0]?.message ?? 'not valid'}. ${settings[name].sentence}`,
      );
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
  const text = await findPrivateText(path, { what: 'The configuration', public: true, anyKind: true });
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

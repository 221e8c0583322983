import { readFileSync } from 'node:fs';
import { type Config, type Setting, settings } from './settings.ts';

export type { Config };

/** All that is wrong with the configuration, a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => string;

/**
 * The configuration of an environment. Pure but for the files that `…_FILE` variables name.
 * @throws ConfigError naming every problem, no secret values
 */
export function loadConfig(
  environment: Environment,
  readFile: ReadFile = (path) => readFileSync(path, 'utf8'),
): Config {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    try {
      config[name] = setting.parse(rawValue(setting, environment, readFile));
    } catch (error) {
      problems.push(`${setting.variable} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  problems.push(...misspelt(environment));
  if (problems.length === 0) problems.push(...contradictions(config as Config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config as Config;
}

function rawValue(
  { variable, default: fallback, secret, sentence }: Setting<unknown>,
  environment: Environment,
  readFile: ReadFile,
): string {
  const value = environment[variable]?.trim();
  const path = environment[`${variable}_FILE`];
  if (path && value) throw new Error(`and ${variable}_FILE are both set; keep one`);
  if (path && !secret) throw new Error(`is no secret; set it directly instead of ${variable}_FILE`);
  if (path) return contentOf(path, variable, readFile);
  if (value) return value;
  if (fallback === undefined) throw new Error(`is missing. ${sentence}`);
  return fallback;
}

function contentOf(path: string, variable: string, readFile: ReadFile): string {
  try {
    return readFile(path).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`cannot be read from the file that ${variable}_FILE names (${code ?? 'unreadable'})`);
  }
}

/** What several settings mean together. */
function contradictions(config: Config): string[] {
  const problems: string[] = [];
  const secrets = [config.accessTokenSecret, config.sessionSecret, ...config.iotEventSecrets];
  if (config.cronSecret !== undefined) secrets.push(config.cronSecret);
  if ((config.eiotclubAppKey === undefined) !== (config.eiotclubSecret === undefined))
    problems.push('EIOTCLUB_APP_KEY and EIOTCLUB_SECRET belong together; set both or none');
  if (new Set(secrets).size < secrets.length)
    problems.push('two secrets have the same value; make one for each');
  problems.push(...stripeContradictions(config));
  if (config.environment === 'production') problems.push(...plainAddresses(config));
  return problems;
}

/** Settings with addresses over which anybody on the way could read and change what we send. */
const addresses = [
  'publicUrl',
  'corsOrigins',
  'googleJwksUrl',
  'appleJwksUrl',
  'iotControlUrl',
  'iotDataUrl',
  'kinesisVideoUrl',
  'bedrockUrl',
  'eiotclubBaseUrl',
] as const;

function plainAddresses(config: Config): string[] {
  return addresses
    .filter((name) => [config[name] ?? []].flat().some((address) => !address.startsWith('https://')))
    .map(
      (name) => `${settings[name].variable} must begin with https:// when AOVIS_ENVIRONMENT is production`,
    );
}

function stripeContradictions(config: Config): string[] {
  const { environment, stripeSecretKey: key, stripeOrderWebhookSecret: webhookSecret, stripeUrl } = config;
  const { stripeDataPlanWebhookSecret: planSecret, eiotclubAppKey } = config;
  const problems: string[] = [];
  if (webhookSecret !== undefined && webhookSecret === planSecret)
    problems.push(
      'AOVIS_STRIPE_WEBHOOK_SECRET and AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET are the same; each endpoint at Stripe has its own',
    );
  const live = isLiveKey(key);
  if (stripeUrl !== undefined && (live || environment === 'production'))
    problems.push('AOVIS_STRIPE_URL is for tests: remove it, or use a test key outside production');
  if (environment !== 'production') return problems;
  if (key !== undefined && !live)
    problems.push('AOVIS_STRIPE_SECRET_KEY is a test key; production needs a live one');
  if (key !== undefined && webhookSecret === undefined)
    problems.push(
      'AOVIS_STRIPE_WEBHOOK_SECRET is missing while AOVIS_STRIPE_SECRET_KEY is set: paid orders would go unnoticed',
    );
  if (key !== undefined && eiotclubAppKey !== undefined && planSecret === undefined)
    problems.push(
      'AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET is missing while data plans are sold: paid ones would go unnoticed',
    );
  return problems;
}

/** Whether it moves real money. */
export function isLiveKey(key: string | undefined): boolean {
  return /^(sk|rk)_live_/.test(key ?? '');
}

/**
 * Other programs of the project have AOVIS_ settings too and may share an environment with the backend, so an
 * unknown one is no mistake by itself; one that differs from ours by a letter or two is.
 */
function misspelt(environment: Environment): string[] {
  const known = Object.values(settings).flatMap(({ variable, secret }: Setting<unknown>) =>
    secret ? [variable, `${variable}_FILE`] : [variable],
  );
  const problems: string[] = [];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith('AOVIS_') || known.includes(variable)) continue;
    const meant = known.find((name) => distance(name, variable) <= 2);
    if (meant !== undefined) problems.push(`${variable} is unknown; did you mean ${meant}?`);
  }
  return problems;
}

/** Levenshtein distance: letters to add, remove or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

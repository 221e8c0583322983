import { describe, expect, it } from '@jest/globals';
import { testEnvironment } from '../testing/test-environment.ts';
import { ConfigError, loadConfig } from './config.ts';
import { type Setting, settings } from './settings.ts';

const good = testEnvironment('postgres://aovis:Zk3vPq9w@127.0.0.1:5432/aovis');

function problemsOf(
  environment: Record<string, string | undefined>,
  files: Record<string, string> = {},
): string[] {
  try {
    loadConfig(environment, (path) => {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return content;
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [...error.problems];
  }
}

describe('loadConfig', () => {
  it('reads a complete environment', () => {
    const config = loadConfig({ ...good, AOVIS_CORS_ORIGINS: 'https://shop.example, https://app.example' });
    expect(config).toMatchObject({
      httpPort: 8080,
      trustProxy: false,
      corsOrigins: ['https://shop.example', 'https://app.example'],
      accessTokenTtlSeconds: 900,
      kinesisVideoUrl: undefined,
    });
  });

  it('names everything that is missing, at once', () => {
    const required = Object.values<Setting<unknown>>(settings).filter(
      (setting) => setting.default === undefined,
    );
    const problems = problemsOf({});
    expect(problems).toHaveLength(required.length);
    for (const { variable } of required) expect(problems.join('\n')).toContain(`${variable} is missing.`);
  });

  it('takes secrets from files', () => {
    const { AOVIS_SESSION_SECRET: secret, ...rest } = good;
    const environment = { ...rest, AOVIS_SESSION_SECRET_FILE: '/run/secrets/session' };
    expect(loadConfig(environment, () => `${secret}\n`).sessionSecret).toBe(secret);
    expect(problemsOf(environment)).toEqual([
      'AOVIS_SESSION_SECRET cannot be read from the file that AOVIS_SESSION_SECRET_FILE names (ENOENT)',
    ]);
    expect(problemsOf({ ...good, AOVIS_SESSION_SECRET_FILE: '/x' }, { '/x': 'y' })).toEqual([
      'AOVIS_SESSION_SECRET and AOVIS_SESSION_SECRET_FILE are both set; keep one',
    ]);
  });

  const refused: [string, Record<string, string>, RegExp][] = [
    ['a short secret', { AOVIS_SESSION_SECRET: 'Tr0ub4dor' }, /AOVIS_SESSION_SECRET is too weak/],
    ['a repeated letter', { AOVIS_SESSION_SECRET: 'x'.repeat(64) }, /too weak/],
    ['a placeholder', { AOVIS_SESSION_SECRET: 'change-me-0123456789abcdefghijklmnop' }, /placeholder/],
    [
      'one secret for two things',
      { AOVIS_SESSION_SECRET: good.AOVIS_ACCESS_TOKEN_SECRET as string },
      /same value/,
    ],
    ['a database without password', { DATABASE_URL: 'postgres://aovis@127.0.0.1/aovis' }, /no password/],
    [
      'a database with the usual password',
      { DATABASE_URL: 'postgres://postgres:postgres@h/d' },
      /everybody tries/,
    ],
    ['another kind of database', { DATABASE_URL: 'mysql://a:b@h/d' }, /must be an address like postgres/],
    ['a port that is none', { AOVIS_HTTP_PORT: '80a' }, /whole number from 0 to 65535/],
    ['trusting everybody', { AOVIS_TRUST_PROXY: 'true' }, /would let callers forge/],
    ['trusting every address', { AOVIS_TRUST_PROXY: '0.0.0.0/0' }, /would let callers forge/],
    ['an origin with a path', { AOVIS_CORS_ORIGINS: 'https://shop.example/x' }, /scheme, host and port only/],
    ['any origin', { AOVIS_CORS_ORIGINS: '*' }, /beginning with/],
    ['a typing error', { AOVIS_HTPP_PORT: '80' }, /AOVIS_HTPP_PORT is unknown; did you mean AOVIS_HTTP_PORT/],
    [
      'plain http in production',
      { AOVIS_ENVIRONMENT: 'production' },
      /AOVIS_PUBLIC_URL must begin with https/,
    ],
    ...['AOVIS_IOT_CONTROL_URL', 'AOVIS_KINESIS_VIDEO_URL', 'AOVIS_BEDROCK_URL', 'AOVIS_CORS_ORIGINS'].map(
      (variable): [string, Record<string, string>, RegExp] => [
        `plain http for ${variable} in production`,
        { AOVIS_ENVIRONMENT: 'production', [variable]: 'http://127.0.0.1:1' },
        new RegExp(`${variable} must begin with https`),
      ],
    ),
    ['a sender that is none', { AOVIS_MAIL_FROM: 'AOVIS' }, /AOVIS_MAIL_FROM must be an e-mail address/],
    ['a region that is none', { AOVIS_AWS_REGION: 'Virginia' }, /AOVIS_AWS_REGION must be the code/],
    [
      'a weak secret among those of the forwarder',
      { AOVIS_IOT_EVENT_SECRET: `${good.AOVIS_IOT_EVENT_SECRET},short` },
      /AOVIS_IOT_EVENT_SECRET is too weak/,
    ],
    ['a short pepper', { AOVIS_ACTIVATION_PEPPERS: 'p1:abcd' }, /at least 32/],
    ['a file for what is no secret', { AOVIS_HTTP_PORT_FILE: '/x' }, /AOVIS_HTTP_PORT is no secret/],
  ];
  it.each(refused)('refuses %s', (_what, change, sentence) => {
    expect(problemsOf({ ...good, ...change }).join('\n')).toMatch(sentence);
  });

  it('never shows a secret in a problem', () => {
    const values = {
      AOVIS_SESSION_SECRET: 'canary-short',
      DATABASE_URL: 'mysql://u:canary-db@h/d',
      AOVIS_SMTP_URL: 'canary-mail',
    };
    expect(problemsOf({ ...good, ...values })).toHaveLength(3);
    expect(problemsOf({ ...good, ...values }).join('\n')).not.toMatch(/canary/);
  });

  it('leaves settings of the other programs alone', () => {
    expect(problemsOf({ ...good, AOVIS_STATION_ID: 'line-1', AOVIS_AGENT_BUNDLE: '/etc/aovis' })).toEqual([]);
  });

  it('takes hops or addresses of proxies', () => {
    expect(loadConfig({ ...good, AOVIS_TRUST_PROXY: '2' }).trustProxy).toBe(2);
    expect(loadConfig({ ...good, AOVIS_TRUST_PROXY: '10.0.0.0/8, loopback' }).trustProxy).toEqual([
      '10.0.0.0/8',
      'loopback',
    ]);
  });
});

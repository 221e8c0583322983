import { describe, expect, it } from '@jest/globals';
import { loadConfig, requireSetting } from './config.ts';
import { Refusal } from './refusal.ts';
import { flagOf, settingNames, settings } from './settings.ts';

const nothing = { flags: {}, env: {}, file: {} };

function problemsOf(sources: Partial<Parameters<typeof loadConfig>[0]>): readonly string[] {
  try {
    loadConfig({ ...nothing, ...sources });
    return [];
  } catch (error) {
    if (error instanceof Refusal && error.kind === 'usage') return error.details;
    throw error;
  }
}

describe('settings', () => {
  it('have defaults', () => {
    expect(loadConfig(nothing)).toMatchObject({
      policy: 'aovis-board',
      thing_type: 'aovis-camera',
      certificate_years: 20,
      tps_register_certificate: undefined,
      backend_url: undefined,
    });
  });

  it('come from the flag, else the environment, else config.json', () => {
    const file = { policy: 'from-file', tps_attach_policy: 30 };
    const env = { AOVIS_IOT_POLICY: 'from-env' };
    const flags = { policy: 'from-flag' };
    expect(loadConfig({ ...nothing, file })).toMatchObject({ policy: 'from-file', tps_attach_policy: 30 });
    expect(loadConfig({ ...nothing, file, env }).policy).toBe('from-env');
    expect(loadConfig({ file, env, flags }).policy).toBe('from-flag');
    expect(loadConfig({ ...nothing, env: { AOVIS_IOT_POLICY: '' } }).policy).toBe('aovis-board');
  });

  it('tell every problem at once, each with where it came from', () => {
    const problems = problemsOf({
      flags: { certificate_years: '0' },
      env: { AOVIS_BACKEND_URL: 'backend.example', AOVIS_TPS_REGISTER: '5' },
      file: { polizy: 'x', region: 'Frankfurt' },
    });
    expect(problems).toHaveLength(5);
    for (const origin of [
      '--certificate-years',
      'AOVIS_BACKEND_URL',
      'AOVIS_TPS_REGISTER',
      'polizy',
      'config.json: region',
    ])
      expect(problems.some((problem) => problem.includes(origin))).toBe(true);
  });

  it('of other programs in the environment are none of our business', () => {
    expect(problemsOf({ env: { AOVIS_AGENT_BUNDLE: 'x', PATH: '/bin' } })).toEqual([]);
  });

  it('say how to give what is missing', () => {
    expect(() => requireSetting(loadConfig(nothing), 'region')).toThrow(
      /give --region, set AWS_REGION, or write it into config.json/,
    );
  });

  it('have one variable, one flag and one sentence each', () => {
    const variables = settingNames.map((name) => settings[name].variable);
    expect(new Set(variables).size).toBe(variables.length);
    for (const name of settingNames) {
      expect(flagOf(name)).toMatch(/^--[a-z-]+$/);
      expect(settings[name].sentence).toMatch(/^[A-Za-z].*(\.|\.pem)$/);
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import desired from '../fixtures/desired-config.v1.json' with { type: 'json' };
import reportedConfig from '../fixtures/reported-config.v1.json' with { type: 'json' };
import reported from '../fixtures/reported-state.v1.json' with { type: 'json' };
import { desiredConfigSchema, reportedConfigSchema, reportedStateSchema } from './shadow.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('golden examples', () => {
  it('fit their schemas', () => {
    expect(desiredConfigSchema.parse(desired)).toEqual(desired);
    expect(reportedConfigSchema.parse(reportedConfig)).toEqual(reportedConfig);
    expect(reportedStateSchema.parse(reported)).toEqual(reported);
  });

  it('stay within 5 levels and 8 KB together', () => {
    for (const state of [desired, reportedConfig, reported]) expect(depthOf(state)).toBeLessThanOrEqual(5);
    expect(JSON.stringify({ desired, reported: reportedConfig }).length).toBeLessThan(8 * 1024);
    expect(JSON.stringify({ reported }).length).toBeLessThan(8 * 1024);
  });

  it('report neither identity nor secrets', () => {
    expect(JSON.stringify(reported)).not.toMatch(/serial|iccid|certificate|key|token|\baovis-/i);
  });
});

describe('desired configuration', () => {
  it('may leave out everything', () => {
    expect(desiredConfigSchema.parse({})).toEqual({});
    expect(desiredConfigSchema.parse({ stream: {}, camera: {} })).toEqual({ stream: {}, camera: {} });
  });

  it.each([
    { stream: { mode: 'sometimes' } },
    { stream: { enabled: 'yes' } },
    { camera: { width: 100_000 } },
    { camera: { fps: 14.5 } },
    { camera: { rotation: 45 } },
    { telemetry: { interval_s: 1 } },
    { log_level: 'silent' },
    { fan: {} },
  ])('refuses %j', (change) => {
    expect(desiredConfigSchema.safeParse(change).success).toBe(false);
  });
});

it('reads a reported configuration whose errors were withdrawn: null deletes a key from a shadow', () => {
  const { config_errors: _, ...withdrawn } = reportedConfig;
  expect(reportedConfigSchema.safeParse(withdrawn).success).toBe(true);
});

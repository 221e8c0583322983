import { expect, it } from '@jest/globals';
import golden from '../fixtures/telemetry.v1.json' with { type: 'json' };
import { telemetryBatchSchema, telemetrySampleSchema } from './telemetry.ts';

const [sample] = golden.samples;

it('fits its golden example', () => {
  expect(telemetryBatchSchema.parse(golden)).toEqual(golden);
});

it('is never empty and never more than 500 samples', () => {
  const withSamples = (count: number): boolean =>
    telemetryBatchSchema.safeParse({ ...golden, samples: Array.from({ length: count }, () => sample) })
      .success;
  expect([0, 1, 500, 501].map(withSamples)).toEqual([false, true, true, false]);
});

it('fits an MQTT message of 128 KB when full', () => {
  const longest = {
    metric: 'm'.repeat(64),
    value: -1.2345678901234567e-100,
    unit: 'milliseconds',
    at: 8.64e15,
  };
  const batch = telemetryBatchSchema.parse({
    ...golden,
    samples: Array.from({ length: 500 }, () => longest),
  });
  expect(JSON.stringify(batch).length).toBeLessThanOrEqual(128 * 1024);
});

it.each([
  { metric: 'Rss' },
  { metric: '' },
  { unit: 'parsec' },
  { value: Number.NaN },
  { value: '1' },
  { at: -1 },
])('refuses a sample with %j', (change) => {
  expect(telemetrySampleSchema.safeParse({ ...sample, ...change }).success).toBe(false);
});

import * as z from 'zod';
import { epochMsSchema } from './events.ts';
import { ulidSchema } from './ids.ts';

/** One measurement; the unit is spelled out (`bps`, `dbm`, `celsius`, `percent`, `bytes`, `seconds`, `count`). */
export const telemetrySampleSchema = z.strictObject({
  metric: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  value: z.number(),
  unit: z.enum(['bps', 'dbm', 'celsius', 'percent', 'bytes', 'seconds', 'milliseconds', 'count']),
  at: epochMsSchema,
});

/** A batch on `aovis/{thing}/telemetry`; one `event_id` a batch, by which the backend dedups. */
export const telemetryBatchSchema = z.strictObject({
  event_id: ulidSchema,
  samples: z.array(telemetrySampleSchema).min(1).max(500),
});
export type TelemetrySample = z.infer<typeof telemetrySampleSchema>;
export type TelemetryBatch = z.infer<typeof telemetryBatchSchema>;

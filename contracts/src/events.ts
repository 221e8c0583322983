import * as z from 'zod';
import { ulidSchema } from './ids.ts';

/** Milliseconds since the Unix epoch. */
export const epochMsSchema = z.int().nonnegative();

export const eventTypes = [
  'boot',
  'motion',
  'stream_state',
  'binding',
  'alarm',
  'crash',
  'config_error',
] as const;

/**
 * A board's event on `aovis/{thing}/event`. Delivered at least once: the backend dedups by `event_id`.
 * `seq` counts up by one per event within a boot; `occurred_at` is the board's clock.
 */
export const boardEventSchema = z.strictObject({
  event_id: ulidSchema,
  type: z.enum(eventTypes),
  occurred_at: epochMsSchema,
  seq: z.int().nonnegative(),
  data: z.record(z.string().max(64), z.json()),
});
export type BoardEvent = z.infer<typeof boardEventSchema>;

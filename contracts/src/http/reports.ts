import * as z from 'zod';
import { boardEventSchema } from '../events.ts';
import { telemetrySampleSchema } from '../telemetry.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

const instantSchema = z.iso.datetime();
/** As for every device route: what names no device of the caller is `device_not_found`, malformed or not. */
const deviceParams = z.strictObject({ id: z.string().max(128) });
const timeSchema = z.iso.datetime({ offset: true }).optional();

const rangeQuery = {
  from: timeSchema.describe('The first instant that counts.'),
  to: timeSchema.describe('The first instant that does not count any more.'),
  ...pageQuery,
};

const exampleParams = { id: 'aovis-n4k-000123' };
const range = { from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' };

export const reportedEventSchema = z.strictObject({
  event_id: boardEventSchema.shape.event_id,
  type: boardEventSchema.shape.type,
  occurred_at: instantSchema.describe("By the board's clock."),
  seq: boardEventSchema.shape.seq.describe('Counts up by one per event within a boot.'),
  data: z.record(z.string(), z.json()),
});
export type ReportedEvent = z.infer<typeof reportedEventSchema>;

export const listDeviceEvents = defineRoute({
  operationId: 'listDeviceEvents',
  method: 'get',
  path: '/api/devices/{id}/events',
  summary: 'What happened at a device, newest first',
  description: 'Since it belongs to its present owner: what came before is nobody’s any more.',
  tag: 'Devices',
  auth: { device: 'viewer' },
  params: deviceParams,
  query: z.strictObject({ ...rangeQuery, type: boardEventSchema.shape.type.optional() }),
  example: {
    params: exampleParams,
    query: { ...range, type: 'motion' },
    answer: {
      events: [
        {
          event_id: '01KAF3M9Y2V6S8QK4B7ZD5XWTH',
          type: 'motion',
          occurred_at: '2026-11-20T11:59:59.870Z',
          seq: 17,
          data: { zone: 'door' },
        },
      ],
      next_cursor: null,
    },
  },
  responses: {
    200: z.strictObject({ events: z.array(reportedEventSchema), next_cursor: nextCursorSchema }),
  },
  errors: ['device_not_found', 'invalid_range'],
});

const { metric, value, unit } = telemetrySampleSchema.shape;

export const reportedSampleSchema = z.strictObject({
  metric,
  value,
  unit: unit.describe('Of `value`.'),
  at: instantSchema,
});
export type ReportedSample = z.infer<typeof reportedSampleSchema>;

/** One metric over one stretch of time; `min`, `avg` and `max` in `unit`. */
export const telemetryBucketSchema = z.strictObject({
  metric,
  unit,
  at: instantSchema.describe(
    'Its first instant; it ends where `bucket_s` seconds are over. Buckets are counted from the Unix epoch.',
  ),
  min: value,
  avg: value,
  max: value,
  count: z.int().positive().describe('Samples in it; there are no empty buckets.'),
});
export type TelemetryBucket = z.infer<typeof telemetryBucketSchema>;

/** How far a down-sampled request may reach. */
export const maxBucketedDays = 31;

export const listDeviceTelemetry = defineRoute({
  operationId: 'listDeviceTelemetry',
  method: 'get',
  path: '/api/devices/{id}/telemetry',
  summary: 'What a device measured, newest first; down-sampled if wanted',
  description:
    'Since it belongs to its present owner. With `bucket_s` the samples of one `metric` come as minimum, average and ' +
    `maximum of each stretch of so many seconds; such a request covers at most ${maxBucketedDays} days and by default ` +
    'the last of them. Units are those of each sample.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  query: z.strictObject({
    ...rangeQuery,
    metric: metric.optional(),
    bucket_s: z.coerce.number().int().min(1).max(86_400).optional().describe('Needs `metric`.'),
  }),
  example: {
    params: exampleParams,
    query: { ...range, metric: 'uplink_bitrate' },
    answer: {
      samples: [{ metric: 'uplink_bitrate', value: 1_980_000, unit: 'bps', at: '2026-11-20T11:59:00.000Z' }],
      next_cursor: null,
    },
  },
  responses: {
    200: z.union([
      z.strictObject({ samples: z.array(reportedSampleSchema), next_cursor: nextCursorSchema }),
      z.strictObject({ buckets: z.array(telemetryBucketSchema), next_cursor: nextCursorSchema }),
    ]),
  },
  errors: ['device_not_found', 'invalid_range'],
});

/** From 0 to 100; null where nothing can be said, since there is nothing to divide by. */
const percentSchema = z.number().min(0).max(100).nullable();

const spreadFields = {
  boards_reporting: z.int().nonnegative().describe('Boards that reported it.'),
  uniformity_percent: percentSchema.describe(
    "100 less the coefficient of variation of the boards' means: 100 when all are alike, 0 at the least.",
  ),
};

export const batchQualitySchema = z.strictObject({
  batch_id: z.string(),
  as_of: instantSchema,
  boards_total: z.int().nonnegative(),
  boards_handed_over: z.int().nonnegative().describe('The factory is through with them.'),
  boards_activated: z.int().nonnegative().describe('Somebody made them theirs at some time.'),
  boards_surviving: z
    .int()
    .nonnegative()
    .describe('Activated, not withdrawn, and heard of within the last 7 days.'),
  activation_rate_percent: percentSchema.describe('Activated of those handed over.'),
  survival_percent: percentSchema.describe('Surviving of those activated.'),
  health_score_percent: percentSchema.describe(
    'Mean over the boards activated and not withdrawn. A board silent for 24 h has 0; else a third each for having spoken, for no crash in 24 h, and for no fragment dropped during its last samples.',
  ),
  uplink_bitrate: z.strictObject({ mean_bps: z.number().nullable(), ...spreadFields }),
  rssi: z.strictObject({ mean_dbm: z.number().nullable(), ...spreadFields }),
  boot_time: z.strictObject({ mean_seconds: z.number().nullable(), ...spreadFields }),
});
export type BatchQuality = z.infer<typeof batchQualitySchema>;

export const getBatchQuality = defineRoute({
  operationId: 'getBatchQuality',
  method: 'get',
  path: '/api/admin/batches/{id}/quality',
  summary: 'How the boards of a factory batch fare',
  description: 'Of what each board measured, the mean of its last 20 samples counts.',
  tag: 'Factory',
  auth: { role: 'support' },
  params: z.strictObject({ id: z.string().max(128) }),
  example: {
    params: { id: 'batch-2026-11-a' },
    answer: {
      batch_id: 'batch-2026-11-a',
      as_of: '2026-11-20T12:00:00.000Z',
      boards_total: 200,
      boards_handed_over: 198,
      boards_activated: 150,
      boards_surviving: 147,
      activation_rate_percent: 75.76,
      survival_percent: 98,
      health_score_percent: 97.1,
      uplink_bitrate: { mean_bps: 1_950_000, boards_reporting: 147, uniformity_percent: 91.4 },
      rssi: { mean_dbm: -81.5, boards_reporting: 120, uniformity_percent: 86.2 },
      boot_time: { mean_seconds: null, boards_reporting: 0, uniformity_percent: null },
    },
  },
  responses: { 200: batchQualitySchema },
  errors: ['not_found'],
});

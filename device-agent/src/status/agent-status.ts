import * as z from 'zod';

/** ISO 8601 in UTC; the names of such fields end in `_at`. */
const instant = z.iso.datetime();

/** What a running agent tells about itself, over its socket and by `status --json`. Holds no secrets. */
export const agentStatusSchema = z.object({
  running: z.literal(true),
  pid: z.int(),
  version: z.string(),
  device_id: z.string(),
  serial: z.string(),
  uptime_s: z.int(),
  connection: z.object({ state: z.string(), endpoint: z.string(), detail: z.string() }),
  certificate: z.object({ id: z.string(), expires_at: instant, days_left: z.int() }),
  shadow: z.object({
    version: z.int().optional(),
    config_version: z.int(),
    config_errors: z.record(z.string(), z.string()),
  }),
  binding: z.object({
    claimable: z.boolean(),
    /** Absent until the cloud has said so once. */
    owned: z.boolean().optional(),
    epoch: z.int().optional(),
    window_closes_at: instant.optional(),
    detail: z.string(),
  }),
  camera: z.object({ detail: z.string() }),
  stream: z.object({
    state: z.string(),
    bitrate_bps: z.number(),
    last_persisted_at: instant.optional(),
    dropped_fragments: z.int(),
    detail: z.string(),
  }),
  buffer: z.object({
    fragments: z.int(),
    fragment_bytes: z.int(),
    messages: z.int(),
    message_bytes: z.int(),
    messages_on: z.enum(['disk', 'memory']),
    dropped_events: z.int(),
    dropped_telemetry: z.int(),
  }),
  parts: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  problems: z.array(
    z.object({
      part: z.string(),
      level: z.enum(['warn', 'error']),
      sentence: z.string(),
      /** The latest time. */
      last_at: instant,
      count: z.int(),
    }),
  ),
});
export type AgentStatus = z.infer<typeof agentStatusSchema>;

import * as z from 'zod';
import { epochMsSchema } from './events.ts';

/** Desired configuration, in the named shadow `config`. Every key may be absent; the board keeps what it runs with. */
export const desiredConfigSchema = z.strictObject({
  stream: z
    .strictObject({
      enabled: z.boolean().optional(),
      mode: z.enum(['continuous', 'on_event', 'off']).optional(),
      /** `camera.bitrate_bps` is an upper bound: the board lowers it while the uplink carries less. */
      adaptive: z.boolean().optional(),
    })
    .optional(),
  camera: z
    .strictObject({
      width: z.int().min(160).max(3840).optional(),
      height: z.int().min(120).max(2160).optional(),
      fps: z.int().min(1).max(60).optional(),
      bitrate_bps: z.int().min(64_000).max(12_000_000).optional(),
      gop_s: z.int().min(1).max(4).optional(),
      rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]).optional(),
      night_mode: z.enum(['auto', 'on', 'off']).optional(),
    })
    .optional(),
  telemetry: z.strictObject({ interval_s: z.int().min(10).max(86_400).optional() }).optional(),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).optional(),
});
export type DesiredConfig = z.infer<typeof desiredConfigSchema>;

/** The configuration a board runs with: every key of the desired one, settled. */
export const runningConfigSchema = z.strictObject({
  stream: z.strictObject({
    enabled: z.boolean(),
    mode: z.enum(['continuous', 'on_event', 'off']),
    adaptive: z.boolean().default(false),
  }),
  camera: z.strictObject({
    width: z.int(),
    height: z.int(),
    fps: z.int(),
    bitrate_bps: z.int(),
    gop_s: z.int(),
    rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]),
    night_mode: z.enum(['auto', 'on', 'off']),
  }),
  telemetry: z.strictObject({ interval_s: z.int() }),
  log_level: z.enum(['debug', 'info', 'warn', 'error']),
});
export type RunningConfig = z.infer<typeof runningConfigSchema>;

/**
 * Reported part of the named shadow `config`: what runs, and what was refused, by dotted key. A board withdraws its
 * errors by reporting null, which deletes the key: who reads the shadow finds none.
 */
export const reportedConfigSchema = z.strictObject({
  ...runningConfigSchema.shape,
  config_version: z.int().nonnegative(),
  config_errors: z.record(z.string(), z.string().max(256)).nullish(),
});
export type ReportedConfig = z.infer<typeof reportedConfigSchema>;

export const streamStates = ['off', 'starting', 'streaming', 'degraded', 'waiting', 'failed'] as const;

/** Reported state, in the classic shadow: at most 5 levels and 8 KB, never identity or secrets. */
export const reportedStateSchema = z.strictObject({
  agent: z.strictObject({ version: z.string(), uptime_s: z.int(), boot_id: z.string() }),
  board: z.strictObject({ model: z.string(), firmware: z.string(), os: z.string() }),
  network: z
    .strictObject({
      kind: z.enum(['cellular', 'ethernet', 'wifi', 'unknown']),
      operator: z.string().optional(),
      rssi_dbm: z.number().optional(),
      ip_kind: z.enum(['ipv4', 'ipv6', 'dual']).optional(),
    })
    .optional(),
  camera: z
    .strictObject({ source: z.string(), width: z.int(), height: z.int(), fps: z.number(), codec: z.string() })
    .optional(),
  stream: z.strictObject({
    state: z.enum(streamStates),
    bitrate_bps: z.int().optional(),
    fragment_ms: z.int().optional(),
    last_persisted_at: epochMsSchema.optional(),
    dropped_fragments: z.int(),
  }),
  storage: z
    .strictObject({
      buffer_bytes: z.int(),
      free_bytes: z.int().optional(),
      /** Where events and telemetry wait for a connection: `memory` while the disk takes nothing. */
      queue: z.enum(['disk', 'memory']).optional(),
      /** Events and telemetry batches dropped for want of room, ever. */
      dropped_events: z.int().optional(),
      dropped_telemetry: z.int().optional(),
    })
    .optional(),
  health: z
    .strictObject({ rss_bytes: z.int(), cpu_pct: z.number(), temp_c: z.number().optional() })
    .optional(),
  binding: z.strictObject({ claimable: z.boolean(), epoch: z.int().nonnegative() }).optional(),
});
export type ReportedState = z.infer<typeof reportedStateSchema>;

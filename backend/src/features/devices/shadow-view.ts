import type { ShadowView } from '@aovis/contracts/http/device-shadow';
import type { ShadowSummary } from '@aovis/contracts/http/devices';
import { streamStates } from '@aovis/contracts/shadow';
import { z } from 'zod';
import type { ShadowDocument } from './shadow-port.ts';

export function toShadowView(shadow: ShadowDocument | undefined): ShadowView {
  const { reported = {}, desired = {}, delta = {}, version = 0 } = shadow ?? {};
  return { reported, desired, delta, version };
}

/** What the summary takes from a report; a board with other firmware may lack or misspell any of it. */
const summarizedSchema = z.object({
  agent: z.object({ version: z.string() }).optional().catch(undefined),
  board: z.object({ firmware: z.string() }).optional().catch(undefined),
  network: z
    .object({ kind: z.string().optional(), rssi_dbm: z.number().optional() })
    .optional()
    .catch(undefined),
  stream: z
    .object({ state: z.enum(streamStates).optional(), bitrate_bps: z.int().optional() })
    .optional()
    .catch(undefined),
});

/** Null while the board has reported nothing. */
export function summarizeShadow(shadow: ShadowDocument | undefined): ShadowSummary | null {
  if (shadow?.reportedAtMs === undefined) return null;
  const { agent, board, network, stream } = summarizedSchema.parse(shadow.reported);
  return {
    version: shadow.version,
    reported_at: new Date(shadow.reportedAtMs).toISOString(),
    agent_version: agent?.version ?? null,
    firmware: board?.firmware ?? null,
    network_kind: network?.kind ?? null,
    rssi_dbm: network?.rssi_dbm ?? null,
    stream_state: stream?.state ?? null,
    bitrate_bps: stream?.bitrate_bps ?? null,
  };
}

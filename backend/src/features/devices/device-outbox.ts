import { deviceIdSchema, streamNameOf } from '@aovis/contracts/ids';
import { configShadow } from '@aovis/contracts/topics';
import { z } from 'zod';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import type { VideoStreams } from '../video/video-ports.ts';
import type { ShadowPort } from './shadow-port.ts';

/** What a change of owner sets off in the cloud after its commit; keyed by device, so in order for each. */
export const deviceActivatedTopic = 'device.activated';
export const deviceReleasedTopic = 'device.released';

const payloadSchema = z.strictObject({ device_id: deviceIdSchema });
export type DeviceOutboxPayload = z.infer<typeof payloadSchema>;

export interface DeviceEffects {
  streams: VideoStreams;
  shadows: ShadowPort;
  /** How long recordings are kept. */
  retentionHours: number;
}

/** The handlers by topic. Each may run more than once. */
export function deviceOutboxHandlers({ streams, shadows, retentionHours }: DeviceEffects): OutboxHandlers {
  return {
    [deviceActivatedTopic]: async (payload) => {
      const { device_id } = payloadSchema.parse(payload);
      await streams.ensureStream(streamNameOf(device_id), retentionHours);
    },
    /** The shadows hold what the former owner configured and the board reported meanwhile. */
    [deviceReleasedTopic]: async (payload) => {
      const { device_id } = payloadSchema.parse(payload);
      await shadows.clear(device_id, configShadow);
      await shadows.clear(device_id, undefined);
    },
  };
}

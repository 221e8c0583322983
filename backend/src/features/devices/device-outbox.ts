import { deviceIdSchema, streamNameOf } from '@aovis/contracts/ids';
import { configShadow } from '@aovis/contracts/topics';
import { z } from 'zod';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import type { VideoStreams } from '../video/video-ports.ts';
import type { ShadowPort } from './shadow-port.ts';

/** A board that the factory handed over; all under one key, so one after the other: CreateStream has 5 calls a second. */
export const deviceProvisionedTopic = 'device.provisioned';
export const provisioningKey = 'device.provisioned';
/** What a change of owner sets off in the cloud after its commit; keyed by device, so in order for each. */
export const deviceActivatedTopic = 'device.activated';
export const deviceReleasedTopic = 'device.released';

const payloadSchema = z.strictObject({ device_id: deviceIdSchema });
export type DeviceOutboxPayload = z.infer<typeof payloadSchema>;

export interface DeviceEffects {
  streams: VideoStreams;
  shadows: ShadowPort;
  /** How long an owner's recordings are kept. */
  retentionHours: number;
}

/**
 * Until somebody owns a board its picture is kept for the factory's check alone, for the shortest time there is. No later
 * owner sees it: playback starts with the ownership.
 */
const unownedRetentionHours = 1;

/** The handlers by topic. Each may run more than once. */
export function deviceOutboxHandlers({ streams, shadows, retentionHours }: DeviceEffects): OutboxHandlers {
  return {
    [deviceProvisionedTopic]: async (payload) => {
      const { device_id } = payloadSchema.parse(payload);
      await streams.ensureStream(streamNameOf(device_id), unownedRetentionHours);
    },
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

import { channelNameOf, deviceIdSchema, streamNameOf } from '@aovis/contracts/ids';
import type { DesiredConfig } from '@aovis/contracts/shadow';
import { configShadow } from '@aovis/contracts/topics';
import { z } from 'zod';
import type { Database } from '../../db/database.ts';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import type { LiveChannels, VideoStreams } from '../video/video-ports.ts';
import { findWipeState, noteShadowsWiped } from './claim-repository.ts';
import { announceOwnership } from './ownership-shadow.ts';
import type { ShadowPort } from './shadow-port.ts';

/** A board that the factory handed over; all under one key, so one after the other: CreateStream has 5 calls a second. */
export const deviceProvisionedTopic = 'device.provisioned';
export const provisioningKey = 'device.provisioned';
/** What a change of owner sets off in the cloud after its commit; keyed by device, so in order for each. */
export const deviceActivatedTopic = 'device.activated';
export const deviceReleasedTopic = 'device.released';
/** Somebody may look through the device no longer, as a share or a plan has ended: who looks through it live right now is cut off. */
export const viewerLeftTopic = 'device.viewer-left';

const payloadSchema = z.strictObject({ device_id: deviceIdSchema });
export type DeviceOutboxPayload = z.infer<typeof payloadSchema>;

/** `epoch` is that of the end of the ownership; messages of programs before this one have none. */
const releasedPayloadSchema = z.strictObject({
  device_id: deviceIdSchema,
  epoch: z.int().positive().optional(),
});
export type DeviceReleasedPayload = z.infer<typeof releasedPayloadSchema>;

export interface DeviceEffects {
  db: Database;
  streams: VideoStreams;
  channels: Pick<LiveChannels, 'ensureChannel'>;
  shadows: ShadowPort;
  /** How long an owner's recordings are kept. */
  retentionHours: number;
}

/**
 * Until somebody owns a board its picture is kept for the factory's check alone, for the shortest time there is. No later
 * owner sees it: playback starts with the ownership.
 */
const unownedRetentionHours = 1;

/**
 * What a former owner may have changed, as boards have it from the factory. Desired, so that a board that was away
 * takes it over when it comes back; what depends on the model (size, rate) stays as it is.
 */
const nobodysConfig = {
  stream: { enabled: true, mode: 'continuous' },
  camera: { rotation: 0, night_mode: 'auto' },
  telemetry: { interval_s: 60 },
  log_level: 'info',
} satisfies DesiredConfig;

/** The handlers by topic. Each may run more than once. */
export function deviceOutboxHandlers({
  db,
  streams,
  channels,
  shadows,
  retentionHours,
}: DeviceEffects): OutboxHandlers {
  return {
    [deviceProvisionedTopic]: async (payload) => {
      const { device_id } = payloadSchema.parse(payload);
      await streams.ensureStream(streamNameOf(device_id), unownedRetentionHours);
      await channels.ensureChannel(channelNameOf(device_id));
    },
    [deviceActivatedTopic]: async (payload) => {
      const { device_id } = payloadSchema.parse(payload);
      await announceOwnership({ db, shadows }, device_id);
      await streams.ensureStream(streamNameOf(device_id), retentionHours);
      await channels.ensureChannel(channelNameOf(device_id));
    },
    [viewerLeftTopic]: async (payload) => {
      await announceOwnership({ db, shadows }, payloadSchema.parse(payload).device_id);
    },
    /** The shadows hold what the former owner configured and the board reported meanwhile. */
    [deviceReleasedTopic]: async (payload) => {
      const { device_id: deviceId, ...ended } = releasedPayloadSchema.parse(payload);
      const state = await findWipeState(db, deviceId);
      const epoch = ended.epoch ?? state?.endedEpoch;
      if (state === undefined || epoch === undefined) return;
      // A repetition must not wipe what the next owner has configured since.
      if (state.wipedEpoch < epoch) await wipeShadows(deviceId, epoch);
      // Last: what the board reports on it is no former owner's.
      await announceOwnership({ db, shadows }, deviceId);
    },
  };

  async function wipeShadows(deviceId: string, epoch: number): Promise<void> {
    await shadows.clear(deviceId, configShadow);
    await shadows.clear(deviceId, undefined);
    await shadows.mergeDesired(deviceId, {
      shadowName: configShadow,
      desired: nobodysConfig,
      expectedVersion: 0,
    });
    await noteShadowsWiped(db, deviceId, epoch);
  }
}

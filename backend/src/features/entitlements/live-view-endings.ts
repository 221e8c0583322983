import { liveCapability } from '@aovis/contracts/live-view';
import type { Database } from '../../db/database.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { type DeviceOutboxPayload, viewerLeftTopic } from '../devices/device-outbox.ts';

/** Has the board cut off whoever looks through it by a right that was suspended or revoked. One that runs out is in the invitations. */
export async function cutLiveViewersOff(
  trx: Database,
  { device_id, capability }: { device_id: string; capability: string },
): Promise<void> {
  if (capability !== liveCapability) return;
  const payload: DeviceOutboxPayload = { device_id };
  await enqueue(trx, { topic: viewerLeftTopic, key: device_id, payload });
}

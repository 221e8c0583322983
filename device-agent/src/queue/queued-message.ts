import type { PublishOptions } from '../iot/iot-connection.ts';

/** What is dropped first when there is no room: telemetry goes before events. */
export type MessageClass = 'event' | 'telemetry';

export interface QueuedMessage extends PublishOptions {
  class: MessageClass;
}

/**
 * What became of a published message. `stored`: it is on the disk and survives kill -9 and power cuts. `delivered`: the
 * disk did not take it, the cloud has it all the same. `dropped`: it is lost, for want of room or because the queue was
 * wiped or closed.
 */
export type PublishOutcome = 'stored' | 'delivered' | 'dropped';

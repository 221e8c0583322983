import type { lwtPayloadSchema } from '@aovis/contracts/http/ingestion';
import { lwtTopic } from '@aovis/contracts/topics';
import type * as z from 'zod';
import type { Clock } from '../host/clock.ts';
import type { IotConnection } from './iot-connection.ts';

/** What the broker says in the board's stead when the connection ends without a goodbye. */
export function offlineWill(thing: string): { topic: string; payload: string } {
  return { topic: lwtTopic(thing), payload: onlineState({ online: false }) };
}

/** Says at every connect that the board is there. */
export function announcePresence(connection: IotConnection, thing: string, clock: Pick<Clock, 'now'>): void {
  connection.onConnected(() => {
    const payload = onlineState({ online: true, at: clock.now() });
    connection.publish({ topic: lwtTopic(thing), payload }).catch(() => {
      // The connection is gone again: the will says so.
    });
  });
}

const onlineState = (state: z.infer<typeof lwtPayloadSchema>): string => JSON.stringify(state);

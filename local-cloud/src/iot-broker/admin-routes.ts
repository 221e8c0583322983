import type { AdminRoute } from '../kernel/admin-route.ts';
import { AwsError } from '../kernel/aws-error.ts';
import type { PresenceRecord } from './presence.ts';

/** What the admin surface does with the broker. */
export interface AdministeredBroker {
  connections(): (PresenceRecord & { subscriptions: string[] })[];
  disconnect(clientId: string, options?: { cleanSession?: boolean }): boolean;
}

export function adminRoutes(broker: AdministeredBroker): AdminRoute[] {
  const known = (clientId: string, connected: boolean): { clientId: string; disconnected: true } => {
    if (!connected) throw new AwsError('ResourceNotFoundException', 404, `${clientId} is not connected`);
    return { clientId, disconnected: true };
  };
  return [
    {
      method: 'GET',
      path: '/_local/mqtt/connections',
      summary: 'Connected MQTT clients with their subscriptions',
      handle: () => ({ connections: broker.connections() }),
    },
    {
      method: 'POST',
      path: '/_local/mqtt/connections/{clientId}/kick',
      summary: 'Disconnect an MQTT client; it may come back',
      handle: ({ params: { clientId = '' } }) => known(clientId, broker.disconnect(clientId)),
    },
    {
      method: 'POST',
      path: '/_local/mqtt/connections/{clientId}/lose-session',
      summary: 'Disconnect an MQTT client and forget its persistent session',
      handle: ({ params: { clientId = '' } }) =>
        known(clientId, broker.disconnect(clientId, { cleanSession: true })),
    },
  ];
}

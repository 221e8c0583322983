import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { notFound } from '../kinesis-video/errors.ts';
import type { ChannelRelay } from './relay/channel-relay.ts';
import type { Peer } from './relay/peer.ts';
import type { ChannelRecord, Channels } from './state.ts';

export interface SignalingAdminContext {
  channels: Channels;
  relay: (channel: ChannelRecord) => ChannelRelay;
}

const goAwaySchema = z.strictObject({ graceMs: z.int().min(0).optional() });

/** What goes on inside, for people and tests, and what the service says of its own accord. */
export function signalingAdminRoutes({ channels, relay }: SignalingAdminContext): AdminRoute[] {
  const describe = (channel: ChannelRecord): object => ({
    name: channel.name,
    arn: channel.arn,
    messageTtlSeconds: channel.messageTtlSeconds,
    peers: relay(channel).peers.map(({ clientId, openedMs, messages }) => ({
      role: clientId === undefined ? 'MASTER' : 'VIEWER',
      ...(clientId === undefined ? {} : { clientId }),
      connectedAt: new Date(openedMs).toISOString(),
      messages,
    })),
  });
  const toPeers = (verb: string, summary: string, tell: (peer: Peer, body: unknown) => void): AdminRoute => ({
    method: 'POST',
    path: `/_local/kinesis-signaling/channels/{channelName}/${verb}`,
    summary,
    handle: ({ params, body }) => {
      const name = params['channelName'] ?? '';
      const channel = channels.find(name);
      if (channel === undefined) throw notFound(`There is no channel ${name}.`);
      const { peers } = relay(channel);
      for (const peer of peers) tell(peer, body);
      return { told: peers.length };
    },
  });
  return [
    {
      method: 'GET',
      path: '/_local/kinesis-signaling',
      summary: 'Signaling channels and who is connected to them',
      handle: () => ({ channels: channels.list().map(describe) }),
    },
    toPeers('go-away', 'GO_AWAY to everybody connected: {"graceMs"?:60000}', (peer, body) =>
      peer.goAway(goAwaySchema.parse(body ?? {}).graceMs),
    ),
    toPeers('reconnect-ice-server', 'RECONNECT_ICE_SERVER to everybody connected', (peer) =>
      peer.reconnectIceServer(),
    ),
    toPeers('disconnect', 'Cuts every connection, as a network that goes down', (peer) => peer.cut()),
  ];
}

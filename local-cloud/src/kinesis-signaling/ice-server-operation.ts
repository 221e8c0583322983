import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { AwsOperation } from '../kernel/aws-server.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseInput } from '../kinesis-video/api.ts';
import { type ChannelAccess, channelArnSchema, clientIdSchema } from './channel-access.ts';
import type { ChannelQuotas } from './quotas.ts';

/** Lifetime of TURN credentials (WebRTC Developer Guide, "TURN service quotas"). */
const ttlSeconds = 300;

const inputSchema = z.object({
  ChannelARN: channelArnSchema,
  ClientId: clientIdSchema.optional(),
  Service: z.literal('TURN').default('TURN'),
  Username: z
    .string()
    .regex(/^[a-zA-Z0-9_.-]{1,256}$/)
    .optional(),
});

export interface IceServerContext {
  access: ChannelAccess;
  quotas: ChannelQuotas;
  clock: Clock;
  /** Of the relay that answers on UDP. */
  relayUri: () => string;
  /** Passwords are derived from it and the user name (draft-uberti-behave-turn-rest-00). */
  passwordKey: Buffer;
}

/** GetIceServerConfig (Kinesis Video Signaling Channels API Reference). */
export function iceServerOperation(context: IceServerContext): AwsOperation {
  const { access, quotas, clock, relayUri, passwordKey } = context;
  return {
    name: 'GetIceServerConfig',
    method: 'POST',
    path: '/v1/get-ice-server-config',
    handle(request) {
      const input = parseInput(inputSchema, request.json());
      const channel = access.get(request.principal, 'GetIceServerConfig', { ChannelARN: input.ChannelARN });
      quotas.take('GetIceServerConfig', channel.name);
      const user = Buffer.from(`v1:${channel.arn}:${input.ClientId ?? ''}:${input.Username ?? ''}`).toString(
        'base64',
      );
      const Username = `${Math.floor(clock.nowSeconds()) + ttlSeconds}:${user}`;
      const Password = createHmac('sha256', passwordKey).update(Username).digest('base64');
      return {
        json: { IceServerList: [{ Uris: [relayUri()], Username, Password, Ttl: ttlSeconds }] },
      };
    },
  };
}

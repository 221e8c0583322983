import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { AwsError } from '../../kernel/aws-error.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Faults } from '../../kernel/faults.ts';
import type { AccessKeys } from '../../kernel/principal.ts';
import { verifySigV4 } from '../../kernel/sigv4.ts';
import { parseInput } from '../../kinesis-video/api.ts';
import { invalidArgument } from '../../kinesis-video/errors.ts';
import { type ChannelAccess, channelArnSchema, clientIdSchema } from '../channel-access.ts';
import type { ChannelQuotas } from '../quotas.ts';
import type { ChannelRecord } from '../state.ts';
import type { ChannelRelay } from './channel-relay.ts';

/** A frame larger than this ends the connection (RFC 6455, 1009); the payload's own limit is lower. */
const maxFrameBytes = 128 * 1024;
const maxExpirySeconds = 300;

const querySchema = z.object({
  'X-Amz-ChannelARN': channelArnSchema,
  'X-Amz-ClientId': clientIdSchema.optional(),
});

export interface ConnectContext {
  access: ChannelAccess;
  quotas: ChannelQuotas;
  relay: (channel: ChannelRecord) => ChannelRelay;
  accessKeys: AccessKeys;
  clock: Clock;
  faults: Faults;
}

/**
 * ConnectAsMaster and ConnectAsViewer (WebRTC Developer Guide, "WebSocket endpoint APIs"): a signed WebSocket handshake. Who
 * gives a client id is a viewer. Throws the AwsError to refuse with.
 */
export function connectHandler(
  context: ConnectContext,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void> {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: maxFrameBytes });
  return async (request, socket, head) => {
    const { access, quotas, relay, accessKeys, clock, faults } = context;
    const { method = 'GET', url = '/', headers } = request;
    const query = new URL(url, 'http://localhost').searchParams;
    const signed = { method, url, headers, body: undefined };
    const principal = verifySigV4(signed, accessKeys, clock, ['kinesisvideo']);
    checkExpiry(query);
    const input = parseInput(querySchema, Object.fromEntries(query));
    const clientId = input['X-Amz-ClientId'];
    const operation = clientId === undefined ? 'ConnectAsMaster' : 'ConnectAsViewer';
    const channel = access.get(principal, operation, { ChannelARN: input['X-Amz-ChannelARN'] });
    quotas.take(operation, channel.name);
    const fault = faults.takeGeneral('kinesis-signaling', operation, channel.name);
    if (fault?.kind === 'error') throw new AwsError(fault.code, fault.status, fault.message);
    if (fault?.kind === 'delay') await delay(fault.ms);
    if (fault?.kind === 'drop' || fault?.kind === 'lose-answer') {
      socket.destroy();
      return;
    }
    const peers = relay(channel);
    peers.admit(clientId);
    server.handleUpgrade(request, socket, head, (webSocket) => peers.join(webSocket, clientId));
  };
}

/** The published signers take 299 s; a URL that lives for days would be a password. */
function checkExpiry(query: URLSearchParams): void {
  const expires = query.get('X-Amz-Expires');
  if (expires !== null && !(Number(expires) >= 1 && Number(expires) <= maxExpirySeconds))
    throw invalidArgument(`X-Amz-Expires must be from 1 to ${maxExpirySeconds} seconds.`);
}

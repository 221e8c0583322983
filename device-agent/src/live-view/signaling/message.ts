import * as z from 'zod';
import type { IceCandidate } from '../peer/peer-library.ts';

/** What a viewer or the service says (WebRTC Developer Guide, "Asynchronous message reception"). */
export type SignalingMessage =
  | { type: 'offer'; clientId: string; sdp: string }
  | { type: 'candidate'; clientId: string; candidate: IceCandidate }
  | { type: 'go-away' }
  | { type: 'reconnect-ice-server' }
  | { type: 'refused'; correlationId: string; errorType: string; description: string };

const frameSchema = z.object({
  messageType: z.string(),
  messagePayload: z.string().nullish(),
  senderClientId: z.string().min(1).max(256).nullish(),
  statusResponse: z
    .object({
      correlationId: z.string().nullish(),
      errorType: z.string().nullish(),
      description: z.string().nullish(),
    })
    .nullish(),
});
const offerSchema = z.object({ type: z.literal('offer'), sdp: z.string().max(65_536) });
const candidateSchema = z.object({
  candidate: z.string().max(1_024),
  sdpMid: z.string().max(64).nullish(),
  sdpMLineIndex: z.int().min(0).nullish(),
});

/** Undefined for what makes no sense: the service sends empty frames now and then, and viewers may send anything. */
export function readFrame(text: string): SignalingMessage | undefined {
  const frame = frameSchema.safeParse(parseJson(text));
  if (!frame.success) return undefined;
  const { messageType, messagePayload, senderClientId, statusResponse } = frame.data;
  if (messageType === 'GO_AWAY') return { type: 'go-away' };
  if (messageType === 'RECONNECT_ICE_SERVER') return { type: 'reconnect-ice-server' };
  if (messageType === 'STATUS_RESPONSE')
    return {
      type: 'refused',
      correlationId: statusResponse?.correlationId ?? '',
      errorType: statusResponse?.errorType ?? 'unknown',
      description: statusResponse?.description ?? '',
    };
  if (!senderClientId || !messagePayload) return undefined;
  const payload = parseJson(Buffer.from(messagePayload, 'base64').toString('utf8'));
  if (messageType === 'SDP_OFFER') {
    const offer = offerSchema.safeParse(payload);
    return offer.data && { type: 'offer', clientId: senderClientId, sdp: offer.data.sdp };
  }
  if (messageType !== 'ICE_CANDIDATE') return undefined;
  const candidate = candidateSchema.safeParse(payload);
  return candidate.data && { type: 'candidate', clientId: senderClientId, candidate: candidate.data };
}

/** What the master says to a viewer. */
export interface OutgoingMessage {
  action: 'SDP_ANSWER' | 'ICE_CANDIDATE';
  clientId: string;
  payload: object;
}

/** The correlation id makes the service say so when it refuses the message. */
export function writeFrame({ action, clientId, payload }: OutgoingMessage, correlationId: string): string {
  return JSON.stringify({
    action,
    recipientClientId: clientId,
    messagePayload: Buffer.from(JSON.stringify(payload)).toString('base64'),
    correlationId,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { z } from 'zod';

/** Base64 characters of one message payload (WebRTC Developer Guide, "Service quotas": 10k). */
export const maxPayloadCharacters = 10 * 1024;

const name = z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/);

/** What peers send, its keys in lower case (WebRTC Developer Guide, SendSdpOffer, SendSdpAnswer, SendIceCandidate). */
const messageSchema = z.object({
  action: z.enum(['SDP_OFFER', 'SDP_ANSWER', 'ICE_CANDIDATE']),
  recipientclientid: name.optional(),
  messagepayload: z.string().min(1).max(maxPayloadCharacters),
});

export type Action = z.infer<typeof messageSchema>['action'];

export interface PeerMessage {
  action: Action;
  /** Base64 of JSON, opaque to the service. */
  payload: string;
  /** Only a master's counts. */
  recipientClientId: string | undefined;
  correlationId: string | undefined;
}

/** Why a message was not taken; the sender hears of it when the message had a correlation id. */
export class MessageRefusal extends Error {
  readonly correlationId: string | undefined;
  readonly errorType: string;
  readonly statusCode: number;

  constructor(correlationId: string | undefined, errorType: string, message: string, statusCode = 400) {
    super(message);
    this.correlationId = correlationId;
    this.errorType = errorType;
    this.statusCode = statusCode;
  }
}

/**
 * Reads what a peer sent; keys in any case, as AWS's C client writes them with capitals. Undefined for an empty frame;
 * throws a MessageRefusal.
 */
export function readMessage(text: string): PeerMessage | undefined {
  if (text.trim() === '') return undefined;
  const fields = fieldsOf(text);
  const correlation = name.safeParse(fields['correlationid']);
  const correlationId = correlation.success ? correlation.data : undefined;
  const parsed = messageSchema.safeParse(fields);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const why = `${issue?.path.join('.') || 'The message'}: ${issue?.message}`;
    throw new MessageRefusal(correlationId, 'InvalidArgumentException', why);
  }
  const { action, messagepayload: payload, recipientclientid: recipientClientId } = parsed.data;
  return { action, payload, recipientClientId, correlationId };
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      // A member that is null counts as absent.
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, field]) => field !== null)
          .map(([key, field]) => [key.toLowerCase(), field]),
      );
  } catch {
    // Falls through to the same refusal as JSON that is no object.
  }
  throw new MessageRefusal(undefined, 'InvalidArgumentException', 'The message is not a JSON object.');
}

/** What recipients get (WebRTC Developer Guide, "Asynchronous message reception"). A master's messages name no sender. */
export function eventFrame(
  messageType: Action | 'GO_AWAY' | 'RECONNECT_ICE_SERVER',
  messagePayload = '',
  senderClientId?: string,
): string {
  return JSON.stringify({
    messageType,
    messagePayload,
    ...(senderClientId === undefined ? {} : { senderClientId }),
  });
}

export function statusFrame({ correlationId, errorType, statusCode, message }: MessageRefusal): string {
  return JSON.stringify({
    messageType: 'STATUS_RESPONSE',
    messagePayload: '',
    statusResponse: { correlationId, errorType, statusCode: String(statusCode), description: message },
  });
}

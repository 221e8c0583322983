import * as z from 'zod';
import { bindingProofSchema } from '../binding-proof.ts';
import { commandAckSchema } from '../commands.ts';
import { boardEventSchema, epochMsSchema } from '../events.ts';
import { deviceIdSchema } from '../ids.ts';
import { telemetryBatchSchema } from '../telemetry.ts';
import { defineRoute } from './route.ts';

/** Header with the seconds since the Unix epoch at which the forwarder signed. At most 300 s old or ahead. */
export const iotTimestampHeader = 'X-Aovis-Timestamp';
/** Header with hex HMAC-SHA256 of `<timestamp>.<raw body>`. */
export const iotSignatureHeader = 'X-Aovis-Signature';

/**
 * A connection's begin or end as AWS IoT publishes it on `$aws/events/presence/<eventType>/<clientId>` (AWS IoT
 * Developer Guide, "Lifecycle events"). AWS's document, so unknown keys pass. Unordered and possibly duplicated;
 * begin and end of one connection share `versionNumber`, which starts over after about an hour offline.
 */
export const presencePayloadSchema = z.looseObject({
  clientId: z.string().min(1).max(128),
  timestamp: epochMsSchema,
  eventType: z.enum(['connected', 'disconnected']),
  sessionIdentifier: z.string().min(1).max(128),
  versionNumber: z.int().nonnegative(),
  principalIdentifier: z.string().max(256).optional(),
  ipAddress: z.string().max(64).optional(),
  clientInitiatedDisconnect: z.boolean().optional(),
  disconnectReason: z.string().max(64).optional(),
});
export type PresencePayload = z.infer<typeof presencePayloadSchema>;

/** A board's last will or its own word that it is online. A hint: presence alone decides. */
export const lwtPayloadSchema = z.strictObject({ online: z.boolean(), at: epochMsSchema.optional() });

const common = {
  thing: deviceIdSchema.describe('The thing the broker knows as the sender.'),
  topic: z.string().min(1).max(256).describe('MQTT topic it came on.'),
  received_at: epochMsSchema.describe('When the broker took it, milliseconds since the Unix epoch.'),
};

const envelopeKinds = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('event'), ...common, payload: boardEventSchema }),
  z.strictObject({ kind: z.literal('telemetry'), ...common, payload: telemetryBatchSchema }),
  z.strictObject({ kind: z.literal('presence'), ...common, payload: presencePayloadSchema }),
  z.strictObject({ kind: z.literal('lwt'), ...common, payload: lwtPayloadSchema }),
  z.strictObject({ kind: z.literal('command_ack'), ...common, payload: commandAckSchema }),
  z.strictObject({ kind: z.literal('binding_proof'), ...common, payload: bindingProofSchema }),
]);
export type IotEnvelope = z.infer<typeof envelopeKinds>;

/**
 * What the IoT rule forwards: one MQTT message of a board, or one lifecycle event of its connection. Times must be
 * real dates and texts real Unicode without zero characters, so that whatever passes can be stored.
 */
export const iotEnvelopeSchema = envelopeKinds
  .refine(
    (envelope) => timesOf(envelope).every(isDate),
    'a time lies beyond the last date, in the year 275760',
  )
  .refine(hasStorableText, 'a text holds a zero character or half a surrogate pair');

function timesOf({ received_at, kind, payload }: IotEnvelope): number[] {
  switch (kind) {
    case 'event':
      return [received_at, payload.occurred_at];
    case 'telemetry':
      return [received_at, ...payload.samples.map(({ at }) => at)];
    case 'presence':
      return [received_at, payload.timestamp];
    case 'lwt':
      return payload.at === undefined ? [received_at] : [received_at, payload.at];
    case 'command_ack':
    case 'binding_proof':
      return [received_at];
  }
}

function isDate(ms: number): boolean {
  return !Number.isNaN(new Date(ms).getTime());
}

/** PostgreSQL's text and jsonb hold neither; names of fields are looked at too. */
function hasStorableText(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, item]) => hasStorableText(name) && hasStorableText(item));
}

/** `duplicate`: stored before, nothing happened now. */
export const iotEventResultSchema = z.strictObject({ received: z.literal(true), duplicate: z.boolean() });
export type IotEventResult = z.infer<typeof iotEventResultSchema>;

/** Under which key an envelope counts once among all of its thing. */
export function dedupKeyOf(envelope: IotEnvelope): string {
  switch (envelope.kind) {
    case 'event':
    case 'telemetry':
      return `${envelope.kind}:${envelope.payload.event_id}`;
    case 'presence': {
      const { sessionIdentifier, versionNumber, eventType } = envelope.payload;
      return `presence:${sessionIdentifier}:${versionNumber}:${eventType}`;
    }
    case 'lwt':
      return `lwt:${envelope.received_at}`;
    case 'command_ack':
      return `command_ack:${envelope.payload.id}:${envelope.payload.status}`;
    // One proof for each claim: a second one, whatever it says, changes nothing.
    case 'binding_proof':
      return `binding_proof:${envelope.payload.claim_id}`;
  }
}

export const receiveIotEvent = defineRoute({
  operationId: 'receiveIotEvent',
  method: 'post',
  path: '/api/internal/aws/iot-event',
  summary: 'Take one message of a board from the IoT rule',
  description:
    `${iotTimestampHeader} holds unix seconds, ${iotSignatureHeader} the hex HMAC-SHA256 of ` +
    '`<timestamp>.<raw body>` under the shared key; both are checked before the body is read. Delivered at least ' +
    'once: what was stored before answers `duplicate: true`.',
  tag: 'Ingestion',
  auth: 'signature',
  headers: {
    [iotTimestampHeader]: {
      description:
        'When it was signed, in seconds since the Unix epoch; at most 300 s from the service’s clock.',
      example: '1795176000',
      required: true,
    },
    [iotSignatureHeader]: {
      description: 'Hex HMAC-SHA256 of `<timestamp>.<raw body>` under the shared key.',
      example: 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8',
      required: true,
    },
  },
  body: iotEnvelopeSchema,
  example: {
    body: {
      kind: 'event',
      thing: 'aovis-n4k-000123',
      topic: 'aovis/aovis-n4k-000123/event',
      received_at: 1795176000123,
      payload: {
        event_id: '01KAF3M9Y2V6S8QK4B7ZD5XWTH',
        type: 'motion',
        occurred_at: 1795175999870,
        seq: 17,
        data: { zone: 'door' },
      },
    },
    answer: { received: true, duplicate: false },
  },
  responses: { 200: iotEventResultSchema },
  errors: ['invalid_signature', 'device_not_found', 'command_not_found', 'claim_not_found'],
});

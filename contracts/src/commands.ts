import * as z from 'zod';
import { epochMsSchema } from './events.ts';
import { ulidSchema } from './ids.ts';

/** What may be asked of a board, with the parameters of each. Anything else is answered `rejected`. */
export const commandParamsSchemas = {
  reboot: z.strictObject({}),
  identify: z.strictObject({ duration_s: z.int().min(1).max(60).default(10) }),
  request_keyframe: z.strictObject({}),
  ptz: z.strictObject({
    pan: z.number().min(-1).max(1),
    tilt: z.number().min(-1).max(1),
    zoom: z.number().min(-1).max(1),
  }),
} as const;
export type CommandType = keyof typeof commandParamsSchemas;

/** With these answers a command is at its end. */
export const finalAckStatuses = ['succeeded', 'failed', 'rejected'] as const;
/** What a board answers: `accepted` once the command is on its disk, `running` while it takes time, then the end. */
export const commandAckStatuses = ['accepted', 'running', ...finalAckStatuses] as const;
export type CommandAckStatus = (typeof commandAckStatuses)[number];

/** Cloud → board on `aovis/{thing}/command`. An expired or repeated id is answered, never executed twice. */
export const commandSchema = z.strictObject({
  id: ulidSchema,
  type: z.string().max(64),
  params: z.record(z.string().max(64), z.json()),
  issued_at: epochMsSchema,
  expires_at: epochMsSchema,
  correlation_id: z.string().max(128),
});
export type Command = z.infer<typeof commandSchema>;

/** Board → cloud on `aovis/{thing}/command/{id}/ack`. */
export const commandAckSchema = z.strictObject({
  id: ulidSchema,
  status: z.enum(commandAckStatuses),
  result: z.record(z.string(), z.json()).optional(),
  error: z.strictObject({ code: z.string().max(64), message: z.string().max(256) }).optional(),
});
export type CommandAck = z.infer<typeof commandAckSchema>;

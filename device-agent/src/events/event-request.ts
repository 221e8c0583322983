import { boardEventSchema } from '@aovis/contracts/events';
import * as z from 'zod';

export const eventSocket = 'event.sock';

/** What other programs on the board may say; the rest the agent says by itself. */
export const reportableTypes = ['motion', 'alarm', 'crash'] as const;

/** What a program of the board asks to be told to the cloud. */
export const eventRequestSchema = z.strictObject({
  type: z.enum(reportableTypes),
  data: boardEventSchema.shape.data.default({}),
});
export type EventRequest = z.input<typeof eventRequestSchema>;

/**
 * `stored`: it is on the disk, and reaches the cloud whatever happens to agent and power. `waiting`: the disk takes
 * nothing, and it waits in memory. `refused`: it will not be sent.
 */
export const eventAnswerSchema = z.object({
  outcome: z.enum(['stored', 'waiting', 'refused']),
  event_id: z.string().optional(),
  /** For a person. */
  sentence: z.string(),
});
export type EventAnswer = z.infer<typeof eventAnswerSchema>;

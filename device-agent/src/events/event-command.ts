import { Refusal } from '../refusal.ts';
import { type EventRequest, eventRequestSchema } from './event-request.ts';

/** The event that `aovis-agent event TYPE --data JSON` asks for; throws `Refusal` when it cannot be sent. */
export function parseEventArguments(type: string, data = '{}'): EventRequest {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new Refusal('usage', `--data ${data} is not JSON: give an object, e.g. '{"zone":"door"}'.`, {
      cause,
    });
  }
  const request = eventRequestSchema.safeParse({ type, data: value });
  if (request.success) return request.data;
  throw new Refusal(
    'usage',
    `--data ${data} cannot be sent: give an object with keys of at most 64 characters.`,
  );
}

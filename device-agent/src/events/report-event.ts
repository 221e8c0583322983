import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { openSocketPath } from '../status/socket-path.ts';
import { isCode } from '../status/status-client.ts';
import { type EventAnswer, type EventRequest, eventAnswerSchema, eventSocket } from './event-request.ts';

/** Longer than the agent waits for its disk. */
const answerTimeoutMs = 8_000;

/** Gives an event to the agent that runs with this state directory; undefined when none does. */
export async function reportEvent(
  directory: string,
  request: EventRequest,
): Promise<EventAnswer | undefined> {
  try {
    const socket = openSocketPath(directory, eventSocket);
    try {
      const connection = createConnection({ path: socket.path });
      connection.setTimeout(answerTimeoutMs, () =>
        connection.destroy(new Error('The agent does not answer.')),
      );
      connection.end(JSON.stringify(request));
      return eventAnswerSchema.parse(JSON.parse(await text(connection)));
    } finally {
      socket.release();
    }
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ECONNREFUSED')) return undefined;
    throw error;
  }
}

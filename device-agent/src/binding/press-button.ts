import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { openSocketPath } from '../status/socket-path.ts';
import { isCode } from '../status/status-client.ts';
import { type ButtonAnswer, buttonAnswerSchema, buttonSocket } from './button-server.ts';

const answerTimeoutMs = 5_000;

/** Presses the button of the agent that runs with this state directory; undefined when none does. */
export async function pressButton(directory: string): Promise<ButtonAnswer | undefined> {
  try {
    const socket = openSocketPath(directory, buttonSocket);
    try {
      const connection = createConnection({ path: socket.path });
      connection.setTimeout(answerTimeoutMs, () =>
        connection.destroy(new Error('The agent does not answer.')),
      );
      return buttonAnswerSchema.parse(JSON.parse(await text(connection)));
    } finally {
      socket.release();
    }
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ECONNREFUSED')) return undefined;
    throw error;
  }
}

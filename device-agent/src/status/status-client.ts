import { createConnection } from 'node:net';
import { type AgentStatus, agentStatusSchema } from './agent-status.ts';
import { openSocketPath, type SocketPath } from './socket-path.ts';

const answerTimeoutMs = 3_000;

/** The status of the agent that runs with this state directory; undefined when none does. */
export async function readStatus(directory: string): Promise<AgentStatus | undefined> {
  let socket: SocketPath;
  try {
    socket = openSocketPath(directory);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return agentStatusSchema.parse(JSON.parse(await readAll(socket.path)));
  } catch (error) {
    // Nobody there; the socket may be left from an agent that was killed.
    if (isCode(error, 'ENOENT') || isCode(error, 'ECONNREFUSED')) return undefined;
    throw error;
  } finally {
    socket.release();
  }
}

function readAll(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = createConnection({ path });
    socket.setEncoding('utf8');
    socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error('The agent does not answer.')));
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

export function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

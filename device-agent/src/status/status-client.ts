import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { Refusal } from '../refusal.ts';
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
    return await readStatusAt(socket.path);
  } finally {
    socket.release();
  }
}

/** As `readStatus`, from the socket itself. */
export async function readStatusAt(path: string): Promise<AgentStatus | undefined> {
  try {
    return agentStatusSchema.parse(JSON.parse(await readAll(path)));
  } catch (error) {
    // Nobody there; the socket may be left from an agent that was killed.
    if (isCode(error, 'ENOENT') || isCode(error, 'ECONNREFUSED')) return undefined;
    if (isCode(error, 'EACCES') || isCode(error, 'EPERM'))
      throw new Refusal(
        'stateUnusable',
        `The state directory ${dirname(path)} belongs to another user: run this as the user the agent runs as (sudo -u USER).`,
        { cause: error },
      );
    throw new Refusal(
      'stateInUse',
      `Something holds the state directory ${dirname(path)} but gives no status (an agent that hangs or is stopped, or one ` +
        `of another version): look for it with «fuser ${path}», end it with kill -9, and start the agent again.`,
      { cause: error },
    );
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

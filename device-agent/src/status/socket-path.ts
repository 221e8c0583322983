import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../refusal.ts';

const statusSocket = 'agent.sock';
/** sun_path holds 104 bytes on macOS and 108 on Linux, the final zero included (unix(7)). */
const maxPathBytes = 103;

export interface SocketPath {
  path: string;
  /** Call when the socket is not used any more. */
  release: () => void;
}

/**
 * Where a socket of the agent is in a state directory. A path too long for the system is reached through an open
 * descriptor of the directory, where the system has /proc.
 */
export function openSocketPath(directory: string, file = statusSocket): SocketPath {
  const path = join(directory, file);
  if (Buffer.byteLength(path) <= maxPathBytes) return { path, release: () => {} };
  if (process.platform !== 'linux')
    throw new Refusal(
      'stateUnusable',
      `The path of the state directory ${directory} is too long for a socket: use a shorter one.`,
    );
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${descriptor}/${file}`, release: () => closeSync(descriptor) };
}

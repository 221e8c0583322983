import type { IncomingMessage } from 'node:http';
import { HttpRefusal } from './http-answer.ts';

/** What a refused client may go on sending before its connection ends. */
const lingerMs = 2_000;

/** Reads a body whole; throws a 413, or what `tooLarge` makes, when it is longer. */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  tooLarge = (): Error => new HttpRefusal(413, `The body is larger than ${maxBytes} bytes`),
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed when it is too large: the refusal still has to go out on its connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * For a refusal given before the body has come: reads on for a while. Closing at once would reset the connection, and
 * the client, still writing, would lose the answer (RFC 9112 section 9.6).
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), lingerMs).unref();
  request.once('close', () => clearTimeout(timer));
}

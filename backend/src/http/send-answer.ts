import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ByteStream, byteStreamSchema, type RouteContract } from '@aovis/contracts/http/route';
import type { Response } from 'express';
import { contextOf } from './request-context.ts';
import type { AnyAnswer } from './route.ts';

/** A client that takes nothing for so long is cut off: what it is being sent is held open for it. */
const stalledMs = 60_000;

/** Writes an answer; one of bytes has gone out when this resolves. */
export async function sendAnswer(
  response: Response,
  { status, body, headers = {} }: AnyAnswer,
  { binaryAnswer }: Pick<RouteContract, 'binaryAnswer'>,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.status(status);
  if (binaryAnswer !== undefined) await sendBytes(response.type(binaryAnswer), byteStreamSchema.parse(body));
  // A text is what some partner wants to see, word for word.
  else if (typeof body === 'string') response.type('text/plain').send(body);
  else response.json(body);
}

/**
 * As fast as the client takes them and no faster. When the client leaves, the source is destroyed; when the source
 * fails half-way, the connection is cut, so that nobody takes the half for the whole.
 */
async function sendBytes(response: Response, bytes: ByteStream): Promise<void> {
  // A stream is used as it is: behind an iterator it could not be destroyed while it waits for its next piece.
  const source = bytes instanceof Readable ? bytes : Readable.from(bytes);
  if (response.req.method === 'HEAD') {
    source.destroy();
    response.end();
    return;
  }
  response.setTimeout(stalledMs, () => response.destroy());
  try {
    await pipeline(source, response);
  } catch (error) {
    if (!isHangUp(error)) throw error;
    contextOf(response.req).log.debug('the client left in the middle of the answer');
  }
}

function isHangUp(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

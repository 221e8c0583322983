import * as z from 'zod';

/** One acknowledgement of PutMedia, as it comes over the wire (flat, `EventType`). */
export const ackSchema = z.object({
  EventType: z.string(),
  /** Timecode of the fragment's Cluster. */
  FragmentTimecode: z.number().optional(),
  /** 47 decimal digits: more than a number holds. */
  FragmentNumber: z
    .string()
    .regex(/^\d{1,128}$/)
    .optional(),
  ErrorId: z.number().int().optional(),
  ErrorCode: z.string().optional(),
});
export type Ack = z.infer<typeof ackSchema>;

/** The wrapper that the API reference prints, though the service does not send it. */
const wrappedAckSchema = z
  .object({ Acknowledgement: ackSchema })
  .transform((wrapped) => wrapped.Acknowledgement);

const maxAckBytes = 4_096;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const whitespace = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** What the service answered is no acknowledgement: this connection cannot be understood any more. */
export class AckSyntaxError extends Error {
  override readonly name = 'AckSyntaxError';
}

/**
 * Cuts the answer of PutMedia into acknowledgements. They are JSON objects with line ends, or nothing, between them;
 * one may be spread over several chunks, and one chunk may hold several.
 */
export class AckParser {
  #pending: number[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Throws AckSyntaxError for anything that is not an acknowledgement, or longer than 4 KiB. */
  push(chunk: Uint8Array): Ack[] {
    const acks: Ack[] = [];
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (this.#depth === 0 && whitespace.has(byte)) continue;
      if (this.#depth === 0 && byte !== openBrace)
        throw new AckSyntaxError('The service answered something that is no acknowledgement.');
      this.#take(byte);
      if (this.#depth === 0) acks.push(this.#finish());
    }
    return acks;
  }

  #take(byte: number): void {
    if (this.#pending.length >= maxAckBytes)
      throw new AckSyntaxError(`The service sent an acknowledgement longer than ${maxAckBytes} bytes.`);
    this.#pending.push(byte);
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString) {
      if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.#inString = false;
    } else if (byte === quote) this.#inString = true;
    else if (byte === openBrace) this.#depth++;
    else if (byte === closeBrace) this.#depth--;
  }

  #finish(): Ack {
    const text = Buffer.from(this.#pending).toString('utf8');
    this.#pending = [];
    const ack = z.union([ackSchema, wrappedAckSchema]).safeParse(parseJson(text));
    if (!ack.success)
      throw new AckSyntaxError(
        `The service answered something that is no acknowledgement: ${text.slice(0, 200)}`,
      );
    return ack.data;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AckSyntaxError(`The service sent an acknowledgement that is no JSON: ${text.slice(0, 200)}`, {
      cause: error,
    });
  }
}

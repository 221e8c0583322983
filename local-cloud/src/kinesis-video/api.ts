import { z } from 'zod';
import type { Authorizer, Principal } from '../kernel/principal.ts';
import { invalidArgument, invalidArn, invalidResourceFormat, streamNotFound } from './errors.ts';
import type { State, StreamRecord } from './state.ts';

export const streamNameSchema = z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/);

/** Either names the stream. */
export const streamRef = {
  StreamName: streamNameSchema.optional(),
  StreamARN: z.string().min(1).max(1024).optional(),
};
export interface StreamRef {
  StreamName?: string | undefined;
  StreamARN?: string | undefined;
}

/** AWS's JSON carries times as epoch seconds with a fraction. */
export const timestampSchema = z.number().transform((seconds) => Math.round(seconds * 1000));
export const epochSeconds = (ms: number): number => ms / 1000;

const maxRangeMs = 24 * 3_600_000;

/**
 * Holds a time range of GetHLSStreamingSessionURL or GetClip to the rules of HLSTimestampRange and ClipTimestampRange
 * (Kinesis Video Archived Media API Reference). Times are epoch milliseconds.
 */
export function checkRange(
  kind: 'PRODUCER_TIMESTAMP' | 'SERVER_TIMESTAMP',
  { startMs, endMs, nowMs }: { startMs: number; endMs: number; nowMs: number },
): void {
  if (endMs <= startMs) throw invalidArgument('EndTimestamp must be later than StartTimestamp.');
  if (endMs - startMs > maxRangeMs)
    throw invalidArgument('EndTimestamp must be within 24 hours of StartTimestamp.');
  if (kind === 'SERVER_TIMESTAMP' && endMs > nowMs)
    throw invalidArgument('EndTimestamp must be in the past when FragmentSelectorType is SERVER_TIMESTAMP.');
}

/** The parsed input, or InvalidArgumentException that names the member and what is wrong with it. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidArgument(`${issue?.path.join('.') || 'The request'}: ${issue?.message}`);
}

/** Finds streams for callers that may use them. */
export class StreamAccess {
  readonly #state: State;
  readonly #authorizer: Authorizer;
  readonly #account: { region: string; accountId: string };

  constructor(state: State, authorizer: Authorizer, account: { region: string; accountId: string }) {
    this.#state = state;
    this.#authorizer = authorizer;
    this.#account = account;
  }

  /**
   * The stream that the input names, once the principal may do `action` on it. A caller without the right is refused
   * whether or not the stream exists.
   */
  get(principal: Principal, action: string, ref: StreamRef): StreamRecord {
    const name = nameOf(ref, tagActions.has(action) ? invalidResourceFormat : invalidArn);
    const stream = this.#state.find(name);
    this.authorize(principal, action, stream?.arn ?? this.arnOf(name, 0));
    const other = ref.StreamARN !== undefined && ref.StreamARN !== stream?.arn;
    if (stream === undefined || other) throw streamNotFound(name, this.#account.accountId);
    return stream;
  }

  authorize(principal: Principal, action: string, resourceArn: string): void {
    this.#authorizer.authorize(principal, `kinesisvideo:${action}`, resourceArn);
  }

  arnOf(name: string, createdMs: number): string {
    return `arn:aws:kinesisvideo:${this.#account.region}:${this.#account.accountId}:stream/${name}/${createdMs}`;
  }
}

/** Only these have an InvalidResourceFormatException; to the others a wrong ARN is an invalid argument. */
const tagActions: ReadonlySet<string> = new Set(['TagStream', 'UntagStream', 'ListTagsForStream']);

/** The name in the reference. Throws what `arnRefusal` makes of an ARN that is none of a stream. */
function nameOf({ StreamName, StreamARN }: StreamRef, arnRefusal: (arn: string) => Error): string {
  if (StreamARN !== undefined) {
    const match =
      /^arn:[a-z0-9-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:stream\/([a-zA-Z0-9_.-]{1,256})\/[0-9]+$/.exec(
        StreamARN,
      );
    if (match?.[1] === undefined) throw arnRefusal(StreamARN);
    if (StreamName !== undefined && StreamName !== match[1])
      throw invalidArgument('StreamName and StreamARN name different streams. Give one of them.');
    return match[1];
  }
  if (StreamName === undefined) throw invalidArgument('Give StreamName or StreamARN.');
  return StreamName;
}

import { z } from 'zod';
import type { Principal } from '../kernel/principal.ts';
import { invalidArgument, invalidResourceFormat, streamNotFound } from './errors.ts';
import type { State, StreamRecord } from './state.ts';

/** What a role may do: throws AccessDeniedException unless the principal may do `action` on `resourceArn`. */
export interface Authorizer {
  authorize(principal: Principal, action: string, resourceArn: string): void;
}

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
    const name = this.#nameOf(ref);
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

  #nameOf({ StreamName, StreamARN }: StreamRef): string {
    if (StreamARN !== undefined) {
      const match =
        /^arn:[a-z0-9-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:stream\/([a-zA-Z0-9_.-]{1,256})\/[0-9]+$/.exec(
          StreamARN,
        );
      if (match?.[1] === undefined) throw invalidResourceFormat(StreamARN);
      if (StreamName !== undefined && StreamName !== match[1])
        throw invalidArgument('StreamName and StreamARN name different streams. Give one of them.');
      return match[1];
    }
    if (StreamName === undefined) throw invalidArgument('Give StreamName or StreamARN.');
    return StreamName;
  }
}

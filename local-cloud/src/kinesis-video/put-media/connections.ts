import { connectionLimitExceeded } from '../errors.ts';
import type { PutMediaSession } from './put-media-session.ts';

/**
 * The quota is one PutMedia connection a stream. `strict` refuses a second one; `overlap` does what producers that rotate
 * credentials need: a second one is taken, and the first is ended when it has not ended by itself after a while.
 */
export type ConnectionPolicy = 'strict' | 'overlap';

export class Connections {
  readonly #policy: ConnectionPolicy;
  readonly #overlapMs: number;
  readonly #byStream = new Map<string, Set<PutMediaSession>>();
  readonly #retiring = new Map<PutMediaSession, NodeJS.Timeout>();

  constructor(policy: ConnectionPolicy, overlapMs: number) {
    this.#policy = policy;
    this.#overlapMs = overlapMs;
  }

  /** Throws ConnectionLimitExceededException when the stream has no room for another connection. */
  admit(streamArn: string): void {
    const open = this.of(streamArn).filter((session) => !session.ended).length;
    const room = this.#policy === 'strict' ? 1 : 2;
    if (open >= room) throw connectionLimitExceeded('one PutMedia connection a stream');
  }

  add(streamArn: string, session: PutMediaSession): void {
    const sessions = this.#byStream.get(streamArn) ?? new Set();
    for (const older of sessions) {
      if (!this.#retiring.has(older))
        this.#retiring.set(
          older,
          setTimeout(() => older.end(), this.#overlapMs),
        );
    }
    this.#byStream.set(streamArn, sessions.add(session));
  }

  remove(streamArn: string, session: PutMediaSession): void {
    clearTimeout(this.#retiring.get(session));
    this.#retiring.delete(session);
    const sessions = this.#byStream.get(streamArn);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byStream.delete(streamArn);
  }

  of(streamArn: string): PutMediaSession[] {
    return [...(this.#byStream.get(streamArn) ?? [])];
  }

  all(): PutMediaSession[] {
    return [...this.#byStream.values()].flatMap((sessions) => [...sessions]);
  }
}

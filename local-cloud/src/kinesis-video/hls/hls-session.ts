import { randomBytes } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { Store, Table } from '../../kernel/store.ts';
import { sessionExpired } from '../errors.ts';
import type { TimestampKind } from '../stream-media.ts';

export type PlaybackMode = 'LIVE' | 'LIVE_REPLAY' | 'ON_DEMAND';
export type DiscontinuityMode = 'ALWAYS' | 'NEVER' | 'ON_DISCONTINUITY';

/** What a streaming session URL stands for. */
export interface HlsSession {
  token: string;
  streamName: string;
  streamArn: string;
  mode: PlaybackMode;
  kind: TimestampKind;
  /** The range; absent for LIVE, without an end possible for LIVE_REPLAY. */
  startMs?: number;
  endMs?: number;
  discontinuity: DiscontinuityMode;
  showTimestamps: boolean;
  maxFragments: number;
  createdMs: number;
  expiresMs: number;
  /** LIVE shows what arrived as this or later. */
  fromOrdinal: number;
}

/** Streaming sessions; they outlive a restart, as their URLs do. */
export class HlsSessions {
  readonly #table: Table<HlsSession>;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#table = store.table<HlsSession>('kinesis-video-hls-sessions');
    this.#clock = clock;
  }

  open(settings: Omit<HlsSession, 'token' | 'createdMs' | 'expiresMs'>, expiresSeconds: number): HlsSession {
    const now = this.#clock.now();
    for (const [token, session] of this.#table.entries())
      if (session.expiresMs <= now) this.#table.delete(token);
    const session: HlsSession = {
      ...settings,
      token: randomBytes(48).toString('base64url'),
      createdMs: now,
      expiresMs: now + expiresSeconds * 1000,
    };
    this.#table.put(session.token, session);
    return session;
  }

  /** Throws 403 for a token that has expired or was never given. */
  get(token: string): HlsSession {
    const session = this.#table.get(token);
    if (session === undefined || !this.has(token)) throw sessionExpired();
    return session;
  }

  /** Whether the token is known and has not expired. */
  has(token: string): boolean {
    const session = this.#table.get(token);
    return session !== undefined && session.expiresMs > this.#clock.now();
  }

  get size(): number {
    return this.#table.size;
  }
}

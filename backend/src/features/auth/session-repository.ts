import type { StaffRole } from '@aovis/contracts/http/route';
import type { Database } from '../../db/database.ts';
import { runPrepared } from '../../db/prepared.ts';

export interface RefreshToken {
  hash: Buffer;
  sessionId: string;
  generation: number;
  rotatedAt: Date | undefined;
}

export interface Session {
  id: string;
  userId: string;
  expiresAt: Date;
  revokedAt: Date | undefined;
  userActive: boolean;
  role: 'user' | StaffRole;
}

interface SessionRow {
  id: string;
  user_id: string;
  expires_at: Date;
  revoked_at: Date | null;
  status: string;
  role: 'user' | StaffRole;
}

interface RefreshTokenRow {
  token_hash: Buffer;
  session_id: string;
  generation: number;
  rotated_at: Date | null;
}

function rowToSession(row: SessionRow): Session {
  return {
    id: row.id,
    userId: row.user_id,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    userActive: row.status === 'active',
    role: row.role,
  };
}

function rowToRefreshToken(row: RefreshTokenRow): RefreshToken {
  return {
    hash: row.token_hash,
    sessionId: row.session_id,
    generation: row.generation,
    rotatedAt: row.rotated_at ?? undefined,
  };
}

const findSession = {
  name: 'find-session',
  text: `SELECT s.id, s.user_id, s.expires_at, s.revoked_at, u.status, u.role
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1`,
};

/** Sessions, and the family of refresh tokens that each of them is. */
export class SessionRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(session: {
    userId: string;
    method: string;
    userAgent: string | undefined;
    now: Date;
    expiresAt: Date;
  }): Promise<string> {
    const [row] = await this.#db('sessions')
      .insert({
        user_id: session.userId,
        method: session.method,
        user_agent: session.userAgent ?? null,
        created_at: session.now,
        last_used_at: session.now,
        expires_at: session.expiresAt,
      })
      .returning<{ id: string }[]>('id');
    if (row === undefined) throw new Error('the session was not stored');
    return row.id;
  }

  /** With its user's standing: every signed-in request asks this. */
  async find(sessionId: string): Promise<Session | undefined> {
    const [row] = await runPrepared<SessionRow>(this.#db, findSession, [sessionId]);
    return row && rowToSession(row);
  }

  /** Holds the session until the transaction ends: refreshes of one family take turns. */
  async lockByRefreshToken(hash: Buffer): Promise<Session | undefined> {
    const token = await this.findRefreshToken(hash);
    if (token === undefined) return undefined;
    await this.#db('sessions').where({ id: token.sessionId }).forUpdate().first('id');
    return this.find(token.sessionId);
  }

  async findRefreshToken(hash: Buffer): Promise<RefreshToken | undefined> {
    const row = await this.#db<RefreshTokenRow>('refresh_tokens').where({ token_hash: hash }).first();
    return row && rowToRefreshToken(row);
  }

  async findCurrentRefreshToken(sessionId: string): Promise<RefreshToken | undefined> {
    const row = await this.#db<RefreshTokenRow>('refresh_tokens')
      .where({ session_id: sessionId })
      .whereNull('rotated_at')
      .first();
    return row && rowToRefreshToken(row);
  }

  async insertRefreshToken(token: {
    hash: Buffer;
    sessionId: string;
    generation: number;
    now: Date;
  }): Promise<void> {
    await this.#db('refresh_tokens').insert({
      token_hash: token.hash,
      session_id: token.sessionId,
      generation: token.generation,
      issued_at: token.now,
    });
    await this.#db('sessions').where({ id: token.sessionId }).update({ last_used_at: token.now });
  }

  async markRotated(hash: Buffer, now: Date): Promise<void> {
    await this.#db('refresh_tokens').where({ token_hash: hash }).update({ rotated_at: now });
  }

  async revoke(sessionId: string, reason: string, now: Date): Promise<void> {
    await this.#db('sessions')
      .where({ id: sessionId })
      .whereNull('revoked_at')
      .update({ revoked_at: now, revoked_reason: reason });
  }
}

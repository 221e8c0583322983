import type { StaffRole } from '@aovis/contracts/http/route';
import type { Database } from '../../db/database.ts';
import { runPrepared } from '../../db/prepared.ts';
import type { Position } from '../../kernel/cursor.ts';

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

/** A session as its user sees it. */
export interface OpenSession {
  id: string;
  method: string;
  userAgent: string | undefined;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
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

interface OpenSessionRow {
  id: string;
  method: string;
  user_agent: string | null;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
}

function rowToOpenSession(row: OpenSessionRow): OpenSession {
  return {
    id: row.id,
    method: row.method,
    userAgent: row.user_agent ?? undefined,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
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

const findWebSession = {
  name: 'find-web-session',
  text: findSession.text.replace('s.id = $1', 's.web_token_hash = $1'),
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
    /** Of a browser's cookie. */
    webTokenHash?: Buffer;
  }): Promise<string> {
    const [row] = await this.#db('sessions')
      .insert({
        user_id: session.userId,
        method: session.method,
        user_agent: session.userAgent ?? null,
        created_at: session.now,
        last_used_at: session.now,
        expires_at: session.expiresAt,
        web_token_hash: session.webTokenHash ?? null,
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

  /** As `find`, by the browser's cookie. */
  async findByWebToken(hash: Buffer): Promise<Session | undefined> {
    const [row] = await runPrepared<SessionRow>(this.#db, findWebSession, [hash]);
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
  /** Those of a user that still count, newest first, those older than `after`. */
  async listOpen(
    userId: string,
    { now, after, limit }: { now: Date; after: Position | undefined; limit: number },
  ): Promise<OpenSession[]> {
    const query = this.#open(userId, now)
      .select<OpenSessionRow[]>('id', 'method', 'user_agent', 'created_at', 'last_used_at', 'expires_at')
      .orderBy([
        { column: 'created_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(limit);
    if (after) query.whereRaw('(created_at, id) < (?, ?)', [after.at, after.key]);
    return (await query).map(rowToOpenSession);
  }

  /** Ends those of a user that still count: all, the one named, or all but one. Returns how many. */
  async revokeOpen(
    userId: string,
    { only, except, reason, now }: { only?: string; except?: string; reason: string; now: Date },
  ): Promise<number> {
    const query = this.#open(userId, now);
    if (only !== undefined) query.where({ id: only });
    if (except !== undefined) query.whereNot({ id: except });
    return query.update({ revoked_at: now, revoked_reason: reason });
  }

  async findSignInTime(userId: string, sessionId: string): Promise<Date | undefined> {
    const row = await this.#db('sessions')
      .where({ id: sessionId, user_id: userId })
      .first<{ created_at: Date } | undefined>('created_at');
    return row?.created_at;
  }

  /** With their refresh tokens: nothing is left of them. */
  async deleteAll(userId: string): Promise<void> {
    await this.#db('sessions').where({ user_id: userId }).delete();
  }

  #open(userId: string, now: Date) {
    return this.#db('sessions')
      .where({ user_id: userId })
      .whereNull('revoked_at')
      .where('expires_at', '>', now);
  }
}

import type { TokenPair } from '@aovis/contracts/http/auth';
import type { StaffRole } from '@aovis/contracts/http/route';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { deriveToken, hashToken, randomToken } from '../../kernel/tokens.ts';
import { record } from '../audit/audit-log.ts';
import type { AccessTokens } from './access-token.ts';
import { decideRefresh } from './refresh-rules.ts';
import { type Session, SessionRepository } from './session-repository.ts';

export interface SessionDependencies {
  db: Database;
  clock: Clock;
  accessTokens: AccessTokens;
  /** Key from which a refresh token's successor follows. */
  refreshSecret: string;
  sessionTtlMs: number;
}

/** Who asks: for the audit log. */
export interface Asker {
  requestId: string;
  userAgent?: string | undefined;
}

export interface SignedInSession {
  userId: string;
  sessionId: string;
  role: 'user' | StaffRole;
}

/** A browser's session; the token is for its cookie and stored nowhere else. */
export interface WebSession {
  token: string;
  expiresAt: Date;
  maxAgeSeconds: number;
}

/** Keeps people signed in: sessions, their access tokens, and their families of refresh tokens. */
export class SessionService {
  readonly #dependencies: SessionDependencies;

  constructor(dependencies: SessionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Opens a session in the transaction of a sign-in. */
  async open(trx: Database, userId: string, method: string, asker: Asker): Promise<TokenPair> {
    const { clock, sessionTtlMs } = this.#dependencies;
    const now = clock.now();
    const sessions = new SessionRepository(trx);
    const expiresAt = new Date(now.getTime() + sessionTtlMs);
    const sessionId = await sessions.insert({ userId, method, userAgent: asker.userAgent, now, expiresAt });
    const refreshToken = randomToken();
    await sessions.insertRefreshToken({ hash: hashToken(refreshToken), sessionId, generation: 1, now });
    return this.#pair({ userId, sessionId }, refreshToken);
  }

  /** Opens a browser's session in the transaction of a sign-in: it has no tokens but the one of its cookie. */
  async openWeb(trx: Database, userId: string, method: string, asker: Asker): Promise<WebSession> {
    const { clock, sessionTtlMs } = this.#dependencies;
    const now = clock.now();
    const expiresAt = new Date(now.getTime() + sessionTtlMs);
    const token = randomToken();
    const webTokenHash = hashToken(token);
    const { userAgent } = asker;
    await new SessionRepository(trx).insert({ userId, method, userAgent, now, expiresAt, webTokenHash });
    return { token, expiresAt, maxAgeSeconds: Math.floor(sessionTtlMs / 1_000) };
  }

  /** @throws AppError invalid_token */
  async refresh(refreshToken: string, asker: Asker): Promise<TokenPair> {
    // A family that is ended must stay ended, so the transaction commits before the refusal is thrown.
    const pair = await transaction(this.#dependencies.db, (trx) => this.#refresh(trx, refreshToken, asker));
    if (pair === undefined) throw new AppError('invalid_token');
    return pair;
  }

  async #refresh(trx: Database, refreshToken: string, asker: Asker): Promise<TokenPair | undefined> {
    const now = this.#dependencies.clock.now();
    const sessions = new SessionRepository(trx);
    const hash = hashToken(refreshToken);
    const session = await sessions.lockByRefreshToken(hash);
    const token = await sessions.findRefreshToken(hash);
    const current = session && (await sessions.findCurrentRefreshToken(session.id));
    if (session === undefined || token === undefined || current === undefined) return undefined;

    const successor = deriveToken(this.#dependencies.refreshSecret, 'refresh-successor', refreshToken);
    switch (decideRefresh(session, token, current, now)) {
      case 'rotate':
        await sessions.markRotated(hash, now);
        await sessions.insertRefreshToken({
          hash: hashToken(successor),
          sessionId: session.id,
          generation: token.generation + 1,
          now,
        });
        return this.#pair({ userId: session.userId, sessionId: session.id }, successor);
      case 'repeat':
        return this.#pair({ userId: session.userId, sessionId: session.id }, successor);
      case 'reuse':
        await this.#endFamily(trx, session, token.generation, asker);
        return undefined;
      case 'refuse':
        return undefined;
    }
  }

  async #endFamily(trx: Database, session: Session, generation: number, { requestId }: Asker): Promise<void> {
    await new SessionRepository(trx).revoke(
      session.id,
      'refresh_token_reused',
      this.#dependencies.clock.now(),
    );
    await record(trx, {
      action: 'session.refresh',
      actor: { kind: 'user', id: session.userId },
      subject: { kind: 'session', id: session.id },
      outcome: 'refused',
      details: { reason: 'refresh_token_reused', generation },
      requestId,
    });
  }

  /** Signs out: access and refresh tokens are worthless from the commit on. */
  async revoke({ sessionId, userId }: Omit<SignedInSession, 'role'>, { requestId }: Asker): Promise<void> {
    await transaction(this.#dependencies.db, async (trx) => {
      await new SessionRepository(trx).revoke(sessionId, 'signed_out', this.#dependencies.clock.now());
      await record(trx, {
        action: 'session.revoke',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'session', id: sessionId },
        outcome: 'ok',
        details: {},
        requestId,
      });
    });
  }

  /** Who an `Authorization` header stands for. @throws AppError unauthorized */
  async authenticate(authorization: string | undefined): Promise<SignedInSession> {
    const { db, clock, accessTokens } = this.#dependencies;
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    const claims = token === undefined ? undefined : accessTokens.read(token);
    const session = claims && (await new SessionRepository(db).find(claims.sessionId));
    if (session?.userId !== claims?.userId) throw new AppError('unauthorized');
    return standing(session, clock.now());
  }

  /** Who a browser's cookie stands for. @throws AppError unauthorized */
  async authenticateWeb(token: string): Promise<SignedInSession> {
    const { db, clock } = this.#dependencies;
    return standing(await new SessionRepository(db).findByWebToken(hashToken(token)), clock.now());
  }

  #pair(claims: { userId: string; sessionId: string }, refreshToken: string): TokenPair {
    const { accessTokens } = this.#dependencies;
    return {
      access_token: accessTokens.sign(claims),
      refresh_token: refreshToken,
      token_type: 'Bearer',
      expires_in: accessTokens.ttlSeconds,
    };
  }
}

/** @throws AppError unauthorized when it was ended, is over, or its user may not come in any more */
function standing(session: Session | undefined, now: Date): SignedInSession {
  const stands =
    session !== undefined && session.userActive && session.revokedAt === undefined && session.expiresAt > now;
  if (!stands) throw new AppError('unauthorized');
  return { userId: session.userId, sessionId: session.id, role: session.role };
}

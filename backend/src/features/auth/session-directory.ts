import type { AccountSession } from '@aovis/contracts/http/account';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { type OpenSession, SessionRepository } from './session-repository.ts';

/** Who asks, and with which of the sessions. */
export interface SessionHolder {
  userId: string;
  sessionId: string;
  requestId: string;
}

/**
 * The sessions of one person, as that person sees and ends them. Every request asks the table of sessions, so an end
 * counts from the commit on, for access tokens that have not expired too.
 */
export class SessionDirectory {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @throws AppError invalid_request when the cursor is none of ours */
  async list(
    { userId, sessionId }: Omit<SessionHolder, 'requestId'>,
    { limit, cursor }: PageRequest,
  ): Promise<{ sessions: AccountSession[]; next_cursor: string | null }> {
    const after = readCursor(cursor, uuidForm);
    const now = this.#clock.now();
    const found = await new SessionRepository(this.#db).listOpen(userId, { now, after, limit: limit + 1 });
    const { page, nextCursor } = pageOf(found, limit, ({ createdAt, id }) => ({ at: createdAt, key: id }));
    return { sessions: page.map((session) => toView(session, sessionId)), next_cursor: nextCursor };
  }

  /** @throws AppError session_not_found, for one that has ended or is somebody else's too */
  async revoke({ userId, requestId }: SessionHolder, sessionId: string): Promise<void> {
    if (!uuidForm.test(sessionId)) throw new AppError('session_not_found');
    await transaction(this.#db, async (trx) => {
      const now = this.#clock.now();
      const sessions = new SessionRepository(trx);
      const revoked = await sessions.revokeOpen(userId, { only: sessionId, reason: 'signed_out', now });
      if (revoked === 0) throw new AppError('session_not_found');
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

  /** Signs out everywhere, or everywhere but here. Returns how many sessions that ended. */
  async revokeAll(
    { userId, sessionId, requestId }: SessionHolder,
    { keepCurrent }: { keepCurrent: boolean },
  ): Promise<number> {
    return transaction(this.#db, async (trx) => {
      const revoked = await new SessionRepository(trx).revokeOpen(userId, {
        ...(keepCurrent && { except: sessionId }),
        reason: 'signed_out_everywhere',
        now: this.#clock.now(),
      });
      await record(trx, {
        action: 'session.revoke_all',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'user', id: userId },
        outcome: 'ok',
        details: { revoked, kept_current: keepCurrent },
        requestId,
      });
      return revoked;
    });
  }

  /** Whether this session was opened by a proof of who it is within the last seconds. A refresh proves nothing new. */
  async isFresh({ userId, sessionId }: Omit<SessionHolder, 'requestId'>, seconds: number): Promise<boolean> {
    const signedInAt = await new SessionRepository(this.#db).findSignInTime(userId, sessionId);
    return signedInAt !== undefined && this.#clock.now().getTime() - signedInAt.getTime() <= seconds * 1_000;
  }
}

/** In the transaction of what takes the account from its user. Returns how many sessions that ended. */
export async function endAllSessions(
  trx: Database,
  userId: string,
  { reason, now }: { reason: string; now: Date },
): Promise<number> {
  return new SessionRepository(trx).revokeOpen(userId, { reason, now });
}

/** In the transaction that closes the account. */
export async function deleteAllSessions(trx: Database, userId: string): Promise<void> {
  await new SessionRepository(trx).deleteAll(userId);
}

function toView(session: OpenSession, currentId: string): AccountSession {
  return {
    id: session.id,
    method: session.method,
    user_agent: session.userAgent ?? null,
    created_at: session.createdAt.toISOString(),
    last_used_at: session.lastUsedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    current: session.id === currentId,
  };
}

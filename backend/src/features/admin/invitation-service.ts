import type { StaffRole } from '@aovis/contracts/http/route';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { hashToken, randomToken } from '../../kernel/tokens.ts';
import { record } from '../audit/audit-log.ts';

export const invitationMinutes = 30;

export interface Invitation {
  role: StaffRole;
  /** Who alone may redeem it; whoever has the token, when undefined. */
  email: string | undefined;
  /** Make one although there is an admin already. */
  additional: boolean;
}

/** Says in a sentence why no invitation was made. */
export class InvitationRefused extends Error {
  override readonly name = 'InvitationRefused';
}

/** How somebody becomes staff: an operator with a shell on the server makes a token, a signed-in person redeems it. */
export class InvitationService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** The token, which is shown once and stored nowhere. @throws InvitationRefused */
  async invite({ role, email, additional }: Invitation): Promise<{ token: string; expiresAt: Date }> {
    const token = randomToken();
    const now = this.#clock.now();
    const expiresAt = new Date(now.getTime() + invitationMinutes * 60_000);
    await transaction(this.#db, async (trx) => {
      const admin = await activeAdmins(trx).first<{ id: string } | undefined>('id');
      if (admin !== undefined && !additional)
        throw new InvitationRefused(
          'There is an admin already: ask them (PATCH /api/admin/users/{id}), or say --additional.',
        );
      const insert = trx('staff_invitations').insert({
        token_hash: hashToken(token),
        role,
        email: email ?? null,
        additional,
        created_at: now,
        expires_at: expiresAt,
      });
      // There is one invitation to be the first, the newest.
      const [row] = await insert
        .onConflict(trx.raw('((true)) WHERE NOT additional AND redeemed_at IS NULL'))
        .merge()
        .returning<{ id: string }[]>('id');
      await record(trx, {
        action: 'admin.invite',
        actor: { kind: 'system' },
        subject: { kind: 'staff_invitation', id: row?.id },
        outcome: 'ok',
        details: { role, additional, for_an_address: email !== undefined },
      });
    });
    return { token, expiresAt };
  }

  /**
   * Makes the user staff, once for each token.
   * @throws AppError invalid_token for a token that is unknown, used, expired, somebody else's, or meant for the first
   * admin when there is one already
   */
  async redeem({
    userId,
    requestId,
    token,
  }: {
    userId: string;
    requestId: string;
    token: string;
  }): Promise<StaffRole> {
    const now = this.#clock.now();
    const role = await transaction(this.#db, async (trx) => {
      const [redeemed] = await trx('staff_invitations as i')
        .where({ token_hash: hashToken(token), redeemed_at: null })
        .where('expires_at', '>', now)
        .where((stillWanted) => {
          void stillWanted.where('i.additional', true).orWhereNotExists(activeAdmins(trx).select('id'));
        })
        .where((mayRedeem) => {
          const verified = trx('users').where({ id: userId }).whereNotNull('email_verified_at');
          void mayRedeem.whereNull('i.email').orWhereIn('i.email', verified.select('email'));
        })
        .update({ redeemed_at: now, redeemed_by: userId })
        .returning<{ id: string; role: StaffRole }[]>(['id', 'role']);
      const entry = { actor: { kind: 'user' as const, id: userId }, requestId };
      if (redeemed === undefined) {
        const subject = { kind: 'staff_invitation' };
        await record(trx, { ...entry, action: 'admin.redeem', subject, outcome: 'refused', details: {} });
        return undefined;
      }
      // An admin who redeems an invitation to support stays an admin.
      await trx('users')
        .where({ id: userId })
        .whereNot({ role: 'admin' })
        .update({ role: redeemed.role, updated_at: now });
      const subject = { kind: 'staff_invitation', id: redeemed.id };
      const details = { role: redeemed.role };
      await record(trx, { ...entry, action: 'admin.redeem', subject, outcome: 'ok', details });
      return redeemed.role;
    });
    if (role === undefined) throw new AppError('invalid_token');
    return role;
  }
}

function activeAdmins(trx: Database) {
  return trx('users').where({ role: 'admin', status: 'active' });
}

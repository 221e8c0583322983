import { getUser, listUsers, redeemInvitation, updateUser } from '@aovis/contracts/http/admin-people';
import type { Database } from '../../db/database.ts';
import { handle, type Route } from '../../http/route.ts';
import type { InvitationService } from './invitation-service.ts';
import { recordReading } from './staff.ts';
import { staffOf } from './staff-request.ts';
import type { UserAdminService } from './user-admin-service.ts';
import { findUsers, getUserDetail } from './user-directory.ts';

export interface PeopleRouteDependencies {
  db: Database;
  users: UserAdminService;
  invitations: InvitationService;
}

export function peopleRoutes({ db, users, invitations }: PeopleRouteDependencies): Route[] {
  return [
    handle(listUsers, async (input) => {
      const body = await findUsers(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'user', found: body.users.length });
      return { status: 200, body };
    }),
    handle(getUser, async (input) => {
      const body = await getUserDetail(db, input.params.id);
      await recordReading(db, staffOf(input), { kind: 'user', id: body.id, found: 1 });
      return { status: 200, body };
    }),
    handle(updateUser, async (input) => ({
      status: 200,
      body: await users.change(staffOf(input), input.params.id, input.body),
    })),
    handle(
      redeemInvitation,
      async (input) => ({
        status: 200,
        body: { role: await invitations.redeem({ ...staffOf(input), token: input.body.token }) },
      }),
      { limits: ['sign-in'] },
    ),
  ];
}

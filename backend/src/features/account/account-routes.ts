import {
  deleteAccount,
  exportAccount,
  getAccount,
  getOrder,
  listOrders,
  listSessions,
  revokeAllSessions,
  revokeSession,
  updateAccount,
} from '@aovis/contracts/http/account';
import type { RequestContext } from '../../http/request-context.ts';
import { handle, type Route, type SignedInUser } from '../../http/route.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { SessionDirectory, SessionHolder } from '../auth/session-directory.ts';
import type { OrderService } from '../orders/order-service.ts';
import type { AccountService } from './account-service.ts';
import type { DeletionService } from './deletion-service.ts';
import type { AccountExportService } from './export-service.ts';

export interface AccountRouteDependencies {
  accounts: AccountService;
  orders: OrderService;
  sessions: SessionDirectory;
  exports: AccountExportService;
  deletions: DeletionService;
  clock: Clock;
}

export function accountRoutes({
  accounts,
  orders,
  sessions,
  exports,
  deletions,
  clock,
}: AccountRouteDependencies): Route[] {
  return [
    handle(getAccount, async ({ user }) => ({ status: 200, body: await accounts.get(user.id) })),
    handle(updateAccount, async ({ body, user, requestContext }) => ({
      status: 200,
      body: await accounts.update(holderOf(user, requestContext), body),
    })),
    handle(listOrders, async ({ query, user }) => ({
      status: 200,
      body: await orders.listOwned(user.id, query),
    })),
    handle(getOrder, async ({ params, user }) => ({
      status: 200,
      body: await orders.getOwned(user.id, params.id),
    })),
    handle(listSessions, async ({ query, user }) => ({
      status: 200,
      body: await sessions.list({ userId: user.id, sessionId: user.sessionId }, query),
    })),
    handle(revokeSession, async ({ params, user, requestContext }) => {
      await sessions.revoke(holderOf(user, requestContext), params.id);
      return { status: 200, body: { revoked: 1 } as const };
    }),
    handle(revokeAllSessions, async ({ body, user, requestContext }) => {
      const options = { keepCurrent: body.keep_current };
      return {
        status: 200,
        body: { revoked: await sessions.revokeAll(holderOf(user, requestContext), options) },
      };
    }),
    handle(exportAccount, async ({ user, requestContext }) => ({
      status: 200,
      body: await exports.open(holderOf(user, requestContext)),
      headers: { 'Content-Disposition': `attachment; filename="${fileNameAt(clock.now())}"` },
    })),
    handle(deleteAccount, async ({ user, requestContext }) => {
      const { deletedAt } = await deletions.delete(holderOf(user, requestContext));
      return { status: 200, body: { deleted_at: deletedAt.toISOString() } };
    }),
  ];
}

function holderOf(user: SignedInUser, { requestId }: RequestContext): SessionHolder {
  return { userId: user.id, sessionId: user.sessionId, requestId };
}

function fileNameAt(now: Date): string {
  return `aovis-account-${now.toISOString().slice(0, 10)}.json`;
}

import {
  acceptShare,
  acceptTransfer,
  cancelTransfer,
  createShare,
  endShare,
  leaveShare,
  listShares,
  listTransfers,
  offerTransfer,
} from '@aovis/contracts/http/sharing';
import type { RequestContext } from '../../http/request-context.ts';
import { handle, type Route, type SignedInUser } from '../../http/route.ts';
import type { ShareService, SharingCaller } from './share-service.ts';
import type { TransferService } from './transfer-service.ts';

export function sharingRoutes(services: { shares: ShareService; transfers: TransferService }): Route[] {
  return [...shareRoutes(services.shares), ...transferRoutes(services.transfers)];
}

function shareRoutes(shares: ShareService): Route[] {
  return [
    handle(
      createShare,
      async ({ params, body, user, requestContext }) => ({
        status: 201,
        body: await shares.invite(callerOf(user, requestContext), params.id, {
          email: body.email,
          days: body.expires_in_days,
        }),
      }),
      { idempotent: true },
    ),
    handle(listShares, async ({ params, user }) => ({
      status: 200,
      body: { shares: await shares.list(user.id, params.id) },
    })),
    handle(endShare, async ({ params, user, requestContext }) => {
      await shares.end(callerOf(user, requestContext), params.id, params.share_id);
      return { status: 200 as const, body: { ended: true as const } };
    }),
    handle(leaveShare, async ({ params, user, requestContext }) => {
      await shares.leave(callerOf(user, requestContext), params.id);
      return { status: 200 as const, body: { ended: true as const } };
    }),
    handle(acceptShare, async ({ body, user, requestContext }) => ({
      status: 200,
      body: { device: await shares.accept(callerOf(user, requestContext), body.token) },
    })),
  ];
}

function transferRoutes(transfers: TransferService): Route[] {
  return [
    handle(
      offerTransfer,
      async ({ params, body, user, requestContext }) => ({
        status: 201,
        body: await transfers.offer(callerOf(user, requestContext), params.id, body.email),
      }),
      { idempotent: true },
    ),
    handle(cancelTransfer, async ({ params, user, requestContext }) => {
      await transfers.cancel(callerOf(user, requestContext), params.id);
      return { status: 200 as const, body: { cancelled: true as const } };
    }),
    handle(acceptTransfer, async ({ body, user, requestContext }) => ({
      status: 200,
      body: await transfers.accept(callerOf(user, requestContext), body.token),
    })),
    handle(listTransfers, async ({ query, user }) => ({
      status: 200,
      body: await transfers.list(user.id, query),
    })),
  ];
}

function callerOf(user: SignedInUser, { requestId }: RequestContext): SharingCaller {
  return { userId: user.id, requestId };
}

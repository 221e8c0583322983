import { getDeviceClaim } from '@aovis/contracts/http/activation';
import { handle, type Route } from '../../http/route.ts';
import type { ClaimService } from './claim-service.ts';

export function claimRoutes(claims: ClaimService): Route[] {
  return [
    handle(getDeviceClaim, async ({ params, user }) => ({
      status: 200,
      body: await claims.get(user.id, params.claim_id),
    })),
  ];
}

import { randomBytes } from 'node:crypto';
import { expireClaimsJob } from '../features/binding/claim-expiry.ts';
import { claimOutboxHandlers } from '../features/binding/claim-outbox.ts';
import { claimRoutes } from '../features/binding/claim-routes.ts';
import { ClaimService } from '../features/binding/claim-service.ts';
import { ProofService } from '../features/binding/proof-service.ts';
import type { Core, Feature } from './core.ts';

/** The board's own word on its activation, and who needs it. */
export interface Binding extends Feature {
  claims: ClaimService;
  proofs: ProofService;
}

export function composeBinding({ adapters, entitlementsIn }: Core): Binding {
  const { db, clock, shadows, boardPublisher, certificates } = adapters;
  const claims = new ClaimService({ db, clock, shadows, entitlementsIn, randomBytes });
  return {
    claims,
    proofs: new ProofService({ db, clock, certificates, entitlementsIn }),
    routes: claimRoutes(claims),
    outboxHandlers: claimOutboxHandlers({ db, clock, shadows, publisher: boardPublisher }),
    jobs: [expireClaimsJob({ db, clock })],
  };
}

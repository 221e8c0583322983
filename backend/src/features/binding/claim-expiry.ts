import { type Database, transaction } from '../../db/database.ts';
import type { ScheduledJob } from '../../jobs/scheduled-job.ts';
import type { Clock } from '../../kernel/clock.ts';
import { lockForClaim } from '../devices/device-grant.ts';
import { type Claim } from './claim.ts';
import { failClaim } from './claim-audit.ts';
import { KnexClaimRepository } from './claim-repository.ts';

const batchSize = 100;

/** Claims that no board answered get an end, and the audit log says so. */
export function expireClaimsJob({ db, clock }: { db: Database; clock: Clock }): ScheduledJob {
  return {
    name: 'claims.expire',
    everySeconds: 60,
    run: async (signal) => {
      let expired = 0;
      for (let full = true; full && !signal.aborted; ) {
        const at = clock.now();
        const runOut = await new KnexClaimRepository(db).listRunOut(at, batchSize);
        for (const claim of runOut) if (!signal.aborted && (await expire(db, claim, at))) expired += 1;
        full = runOut.length === batchSize;
      }
      return { expired };
    },
  };
}

async function expire(db: Database, { id, deviceId }: Claim, at: Date): Promise<boolean> {
  return transaction(db, async (trx) => {
    await lockForClaim(trx, deviceId);
    const claim = await new KnexClaimRepository(trx).lock(id);
    if (claim?.status !== 'pending') return false;
    await failClaim(trx, claim, {
      failure: 'device_proof_timeout',
      reason: 'expired',
      actor: { kind: 'system' },
      at,
      requestId: claim.requestId,
    });
    return true;
  });
}

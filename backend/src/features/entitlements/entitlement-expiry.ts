import { type Database, transaction } from '../../db/database.ts';
import type { ScheduledJob } from '../../jobs/scheduled-job.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import { KnexEntitlementRepository } from './entitlement-repository.ts';

/** In one transaction: it holds the head of the audit log. */
const batch = 100;

/** Notes the end of entitlements in ledger and audit. What counts is their window: nobody waits for this job. */
export function expireEntitlementsJob({ db, clock }: { db: Database; clock: Clock }): ScheduledJob {
  return {
    name: 'entitlements.expire',
    everySeconds: 300,
    run: async (signal) => {
      let expired = 0;
      for (let found = batch; found === batch && !signal.aborted; expired += found)
        found = await expireSome(db, clock.now());
      return { expired };
    },
  };
}

async function expireSome(db: Database, now: Date): Promise<number> {
  return transaction(db, async (trx) => {
    const expired = await new KnexEntitlementRepository(trx).expire(now, batch);
    for (const { id, deviceId, capability } of expired)
      await record(trx, {
        action: 'entitlement.expire',
        actor: { kind: 'system' },
        subject: { kind: 'entitlement', id },
        outcome: 'ok',
        details: { device: deviceId, capability },
      });
    return expired.length;
  });
}

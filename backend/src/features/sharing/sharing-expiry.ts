import { type Database, transaction } from '../../db/database.ts';
import type { ScheduledJob } from '../../jobs/scheduled-job.ts';
import type { Clock } from '../../kernel/clock.ts';
import { cutViewersOff } from './share-endings.ts';
import { ShareRepository } from './share-repository.ts';
import { TransferRepository } from './transfer-repository.ts';

const batch = 500;

/**
 * Notes the end of shares and offers whose time is over, and so forgets the addresses they went to. What counts is their
 * time: nobody waits for this job, and it decides nothing that an audit would ask for.
 */
export function expireSharesJob({ db, clock }: { db: Database; clock: Clock }): ScheduledJob {
  return {
    name: 'sharing.expire',
    everySeconds: 3_600,
    run: async (signal) => {
      const expired = { shares: 0, offers: 0 };
      for (let full = true; full && !signal.aborted; ) {
        const now = clock.now();
        const [shares, offers] = await transaction(db, async (trx) => {
          const ended = await new ShareRepository(trx).endLapsed(now, { limit: batch });
          await cutViewersOff(trx, ended);
          const closed = await new TransferRepository(trx).closeLapsed(now, { limit: batch });
          return [ended.length, closed.length] as const;
        });
        expired.shares += shares;
        expired.offers += offers;
        full = shares === batch || offers === batch;
      }
      return expired;
    },
  };
}

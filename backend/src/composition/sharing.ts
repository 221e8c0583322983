import { InvitationTokens } from '../features/sharing/invitation-tokens.ts';
import { MailAllowance } from '../features/sharing/mail-allowance.ts';
import { ShareService } from '../features/sharing/share-service.ts';
import { expireSharesJob } from '../features/sharing/sharing-expiry.ts';
import { sharingOutboxHandlers } from '../features/sharing/sharing-outbox.ts';
import { sharingRoutes } from '../features/sharing/sharing-routes.ts';
import { TransferService } from '../features/sharing/transfer-service.ts';
import { acceptSharePagePath, acceptTransferPagePath } from '../http/pages.ts';
import { PostgresRateLimitStore } from '../http/rate-limit-store.ts';
import type { Core, Feature } from './core.ts';

const hourMs = 3_600_000;

export function composeSharing({ config, adapters, access, entitlementsIn }: Core): Feature {
  const { db, clock, mailer } = adapters;
  const tokens = new InvitationTokens(config.sessionSecret, {
    share: `${config.publicUrl}${acceptSharePagePath}`,
    transfer: `${config.publicUrl}${acceptTransferPagePath}`,
  });
  const counts = new PostgresRateLimitStore({ db, name: 'invitation', windowMs: hourMs });
  const common = { db, clock, access, tokens, mailAllowance: new MailAllowance({ counts, clock }) };
  return {
    routes: sharingRoutes({
      shares: new ShareService(common),
      transfers: new TransferService({ ...common, entitlementsIn }),
    }),
    outboxHandlers: sharingOutboxHandlers({ db, clock, mailer, tokens }),
    jobs: [expireSharesJob({ db, clock })],
  };
}

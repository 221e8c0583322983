import { InvitationTokens } from '../features/sharing/invitation-tokens.ts';
import { ShareService } from '../features/sharing/share-service.ts';
import { expireSharesJob } from '../features/sharing/sharing-expiry.ts';
import { sharingOutboxHandlers } from '../features/sharing/sharing-outbox.ts';
import { sharingRoutes } from '../features/sharing/sharing-routes.ts';
import { TransferService } from '../features/sharing/transfer-service.ts';
import { acceptSharePagePath, acceptTransferPagePath } from '../http/pages.ts';
import type { Core, Feature } from './core.ts';

export function composeSharing({ config, adapters, access, entitlementsIn }: Core): Feature {
  const { db, clock, mailer } = adapters;
  const tokens = new InvitationTokens(config.sessionSecret, {
    share: `${config.publicUrl}${acceptSharePagePath}`,
    transfer: `${config.publicUrl}${acceptTransferPagePath}`,
  });
  return {
    routes: sharingRoutes({
      shares: new ShareService({ db, clock, access, tokens }),
      transfers: new TransferService({ db, clock, access, tokens, entitlementsIn }),
    }),
    outboxHandlers: sharingOutboxHandlers({ db, clock, mailer, tokens }),
    jobs: [expireSharesJob({ db, clock })],
  };
}

import { serialOf } from '@aovis/contracts/ids';
import { z } from 'zod';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Mailer } from '../../mail/mailer.ts';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import { shareMail, transferMail } from './invitation-mails.ts';
import type { InvitationKind, InvitationTokens } from './invitation-tokens.ts';
import { ShareRepository } from './share-repository.ts';
import { TransferRepository } from './transfer-repository.ts';
import { findVerifiedEmail } from './verified-address.ts';

export const shareMailTopic = 'sharing.mail-invitation';
export const transferMailTopic = 'sharing.mail-transfer';

const payloadSchema = z.strictObject({ id: z.uuid() });
export type SharingMailPayload = z.infer<typeof payloadSchema>;

export interface SharingMails {
  db: Database;
  clock: Clock;
  mailer: Mailer;
  tokens: InvitationTokens;
}

interface Invitation {
  deviceId: string;
  epoch: number;
}

/** Sends the queued mails. What was accepted, taken back or has expired by now is not mailed any more. */
export function sharingOutboxHandlers({ db, clock, mailer, tokens }: SharingMails): OutboxHandlers {
  const mailParts = async (kind: InvitationKind, id: string, { deviceId, epoch }: Invitation) => ({
    url: tokens.urlOf(kind, id),
    serial: serialOf(deviceId),
    ownerEmail: await findOwnerEmail(db, deviceId, epoch),
  });
  return {
    [shareMailTopic]: async (payload) => {
      const { id } = payloadSchema.parse(payload);
      const share = await new ShareRepository(db).findInvitation(id, clock.now());
      if (share?.invitedEmail === undefined) return;
      const parts = await mailParts('share', id, share);
      await mailer.send(
        shareMail({ ...parts, to: share.invitedEmail, expiresAt: share.invitationExpiresAt }),
      );
    },
    [transferMailTopic]: async (payload) => {
      const { id } = payloadSchema.parse(payload);
      const transfer = await new TransferRepository(db).findOpen(id, clock.now());
      if (transfer?.recipientEmail === undefined) return;
      const parts = await mailParts('transfer', id, transfer);
      await mailer.send(
        transferMail({ ...parts, to: transfer.recipientEmail, expiresAt: transfer.expiresAt }),
      );
    },
  };
}

async function findOwnerEmail(db: Database, deviceId: string, epoch: number): Promise<string | undefined> {
  const owner = await db('device_ownerships')
    .where({ device_id: deviceId, epoch })
    .first<{ user_id: string } | undefined>('user_id');
  return owner && findVerifiedEmail(db, owner.user_id);
}

import { randomUUID } from 'node:crypto';
import type { DeviceView } from '@aovis/contracts/http/devices';
import type { CreatedShare, ShareView } from '@aovis/contracts/http/sharing';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidForm } from '../../kernel/cursor.ts';
import { readEmail } from '../../kernel/email.ts';
import { AppError } from '../../kernel/errors.ts';
import { hashToken } from '../../kernel/tokens.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { RefusalBudget } from '../audit/refusal-budget.ts';
import { toDeviceView } from '../devices/device.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { lockOwnership } from '../devices/device-transfer.ts';
import type { InvitationTokens } from './invitation-tokens.ts';
import type { MailAllowance } from './mail-allowance.ts';
import { type Outcome, settle } from './settle.ts';
import { cutViewersOff } from './share-endings.ts';
import { type Share, ShareRepository } from './share-repository.ts';
import { toShareView } from './share-view.ts';
import { type SharingMailPayload, shareMailTopic } from './sharing-outbox.ts';
import { decideAcceptance, freeSlot, sharesPerDevice, shareWindow } from './sharing-rules.ts';
import { findVerifiedEmail, lockVerifiedEmail } from './verified-address.ts';

export interface ShareDependencies {
  db: Database;
  clock: Clock;
  access: DeviceAccess;
  tokens: InvitationTokens;
  mailAllowance: Pick<MailAllowance, 'take'>;
}

export interface SharingCaller {
  userId: string;
  requestId: string;
}

/** An owner lets others view a device. Everything happens under the lock of the device. */
export class ShareService {
  readonly #dependencies: ShareDependencies;
  readonly #refusals: RefusalBudget;

  constructor(dependencies: ShareDependencies) {
    this.#dependencies = dependencies;
    this.#refusals = new RefusalBudget(dependencies.clock);
  }

  /** @throws AppError device_not_found, forbidden, invalid_email, rate_limited, too_many_shares */
  async invite(
    caller: SharingCaller,
    deviceId: string,
    { email: typedEmail, days }: { email: string | undefined; days: number },
  ): Promise<CreatedShare> {
    const { access, tokens, mailAllowance } = this.#dependencies;
    await access.assertDeviceServiceAccess(caller.userId, deviceId);
    const email = typedEmail === undefined ? undefined : readEmail(typedEmail);
    if (typedEmail !== undefined && email === undefined) throw new AppError('invalid_email');
    if (email !== undefined) await mailAllowance.take(caller.userId, email);
    const share = await this.#settle('share.invite', { ...caller, deviceId }, (trx) =>
      this.#invite(trx, { ...caller, deviceId, email, days }),
    );
    return {
      ...toShareView({ ...share, viewerName: undefined, viewerEmail: undefined }),
      url: email === undefined ? tokens.urlOf('share', share.id) : null,
    };
  }

  /** @throws AppError device_not_found, forbidden */
  async list(userId: string, deviceId: string): Promise<ShareView[]> {
    const { db, clock, access } = this.#dependencies;
    await access.assertDeviceServiceAccess(userId, deviceId);
    return (await new ShareRepository(db).listOpen(deviceId, clock.now())).map(toShareView);
  }

  /** By the owner. @throws AppError device_not_found, forbidden, share_not_found */
  async end(caller: SharingCaller, deviceId: string, shareId: string): Promise<void> {
    const { access, clock } = this.#dependencies;
    await access.assertDeviceServiceAccess(caller.userId, deviceId);
    if (!uuidForm.test(shareId)) throw new AppError('share_not_found');
    await this.#settle('share.end', { ...caller, deviceId }, async (trx) => {
      const ownership = await lockOwnership(trx, deviceId);
      if (ownership?.ownerId !== caller.userId) return { ok: false, code: 'device_not_found' };
      const id = await new ShareRepository(trx).end({ deviceId, id: shareId }, 'revoked', clock.now());
      return this.#ended(trx, { ...caller, deviceId, id });
    });
  }

  /** By the viewer. @throws AppError device_not_found, share_not_found */
  async leave(caller: SharingCaller, deviceId: string): Promise<void> {
    const { access, clock } = this.#dependencies;
    const { userId: viewerId } = caller;
    await access.assertDeviceServiceAccess(viewerId, deviceId, undefined, { minimum: 'viewer' });
    await this.#settle('share.leave', { ...caller, deviceId }, async (trx) => {
      await lockOwnership(trx, deviceId);
      const id = await new ShareRepository(trx).end({ deviceId, viewerId }, 'left', clock.now());
      return this.#ended(trx, { ...caller, deviceId, id });
    });
  }

  /** @throws AppError invitation_not_found, invitation_for_another_address, already_owner */
  async accept(caller: SharingCaller, token: string): Promise<DeviceView> {
    const { access } = this.#dependencies;
    const { userId } = caller;
    const deviceId = await this.#settle('share.accept', caller, (trx) =>
      this.#accept(trx, { userId, tokenHash: hashToken(token) }),
    );
    return toDeviceView(
      await access.assertDeviceServiceAccess(userId, deviceId, undefined, { minimum: 'viewer' }),
    );
  }

  async #ended(
    trx: Database,
    { deviceId, requestId, id }: SharingCaller & { deviceId: string; id: string | undefined },
  ): Promise<Outcome<string>> {
    if (id === undefined) return { ok: false, code: 'share_not_found' };
    await cutViewersOff(trx, [{ deviceId }], requestId);
    return { ok: true, value: id, details: { share: id } };
  }

  async #invite(
    trx: Database,
    { userId, requestId, deviceId, email, days }: SharingCaller & NewInvitation,
  ): Promise<Outcome<Share>> {
    const { clock, tokens } = this.#dependencies;
    const ownership = await lockOwnership(trx, deviceId);
    if (ownership?.ownerId !== userId) return { ok: false, code: 'device_not_found' };
    if (email !== undefined && (await findVerifiedEmail(trx, userId)) === email)
      return { ok: false, code: 'already_owner' };
    const now = clock.now();
    const shares = new ShareRepository(trx);
    await shares.endLapsed(now, { deviceId, limit: sharesPerDevice });
    if (email !== undefined) await shares.endInvitation(deviceId, email, now);
    const slot = freeSlot(await shares.takenSlots(deviceId));
    if (slot === undefined) return { ok: false, code: 'too_many_shares' };
    const id = randomUUID();
    const share = await shares.insert({
      id,
      deviceId,
      epoch: ownership.epoch,
      slot,
      invitedEmail: email,
      tokenHash: tokens.hashOf('share', id),
      now,
      ...shareWindow(now, days),
    });
    const payload: SharingMailPayload = { id };
    if (email !== undefined)
      await enqueue(trx, { topic: shareMailTopic, key: `mail:${id}`, payload, requestId });
    const details = { share: id, days, by: email === undefined ? 'link' : 'mail' };
    return { ok: true, value: share, details };
  }

  async #accept(
    trx: Database,
    { userId, tokenHash }: { userId: string; tokenHash: Buffer },
  ): Promise<Outcome<string>> {
    const shares = new ShareRepository(trx);
    const known = await shares.findByToken(tokenHash);
    if (known === undefined) return { ok: false, code: 'invitation_not_found' };
    const { id, deviceId } = known;
    const ownership = await lockOwnership(trx, deviceId);
    // Once more, under the lock: it may have been used or ended meanwhile.
    const share = await shares.findByToken(tokenHash);
    const now = this.#dependencies.clock.now();
    const decision = decideAcceptance({
      invitation: share && invitationOf(share, ownership?.epoch, now),
      ownerId: ownership?.ownerId,
      userId,
      verifiedEmail: await lockVerifiedEmail(trx, userId),
      now,
    });
    if (decision.kind === 'refuse') return { ok: false, code: decision.code, deviceId };
    if (decision.kind === 'accepted_before') return { ok: true, value: deviceId, repeated: true };
    // Who views already views on by the new one.
    await shares.end({ deviceId, viewerId: userId }, 'replaced', now);
    await shares.accept(id, userId, now);
    return { ok: true, value: deviceId, details: { share: id }, deviceId };
  }

  #settle<T>(
    action: string,
    caller: SharingCaller & { deviceId?: string },
    work: (trx: Database) => Promise<Outcome<T>>,
  ): Promise<T> {
    return settle(this.#dependencies.db, { action, ...caller, refusals: this.#refusals }, work);
  }
}

interface NewInvitation {
  deviceId: string;
  email: string | undefined;
  days: number;
}

function invitationOf(share: Share, epoch: number | undefined, now: Date) {
  const holds = share.endedAt === undefined && share.epoch === epoch;
  return {
    open: holds && share.acceptedAt === undefined,
    expiresAt: share.invitationExpiresAt,
    acceptedBy: holds && now < share.expiresAt ? share.viewerId : undefined,
    email: share.invitedEmail,
  };
}

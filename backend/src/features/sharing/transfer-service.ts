import { randomUUID } from 'node:crypto';
import type { DeviceView } from '@aovis/contracts/http/devices';
import type { TransferView } from '@aovis/contracts/http/sharing';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type PageRequest, pageOf, readCursor, uuidForm } from '../../kernel/cursor.ts';
import { readEmail } from '../../kernel/email.ts';
import { AppError } from '../../kernel/errors.ts';
import { hashToken } from '../../kernel/tokens.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { RefusalBudget } from '../audit/refusal-budget.ts';
import { toDeviceView } from '../devices/device.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { type LockedOwnership, lockOwnership, transferDevice } from '../devices/device-transfer.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import type { InvitationTokens } from './invitation-tokens.ts';
import type { MailAllowance } from './mail-allowance.ts';
import { type Outcome, settle } from './settle.ts';
import type { SharingCaller } from './share-service.ts';
import { toTransferView } from './share-view.ts';
import { type SharingMailPayload, transferMailTopic } from './sharing-outbox.ts';
import { decideAcceptance, offerEnd } from './sharing-rules.ts';
import { type Transfer, TransferRepository } from './transfer-repository.ts';
import { findVerifiedEmail, lockVerifiedEmail } from './verified-address.ts';

export interface TransferDependencies {
  db: Database;
  clock: Clock;
  access: DeviceAccess;
  tokens: InvitationTokens;
  mailAllowance: Pick<MailAllowance, 'take'>;
  entitlementsIn: (db: Database) => Pick<EntitlementService, 'handOver'>;
}

export interface TakenOver {
  device: DeviceView;
  ownership: { since: string; epoch: number };
}

/** A device goes from one owner to the next, when both want it. */
export class TransferService {
  readonly #dependencies: TransferDependencies;
  readonly #refusals: RefusalBudget;

  constructor(dependencies: TransferDependencies) {
    this.#dependencies = dependencies;
    this.#refusals = new RefusalBudget(dependencies.clock);
  }

  /** @throws AppError device_not_found, forbidden, invalid_email, rate_limited, already_owner, transfer_already_offered */
  async offer(caller: SharingCaller, deviceId: string, typedEmail: string): Promise<TransferView> {
    const { access, mailAllowance } = this.#dependencies;
    const { serial } = await access.assertDeviceServiceAccess(caller.userId, deviceId);
    const email = readEmail(typedEmail);
    if (email === undefined) throw new AppError('invalid_email');
    await mailAllowance.take(caller.userId, email);
    const transfer = await this.#settle('transfer.offer', { ...caller, deviceId }, (trx) =>
      this.#offer(trx, { ...caller, deviceId, email }),
    );
    return toTransferView({ ...transfer, serial, ownerId: caller.userId }, caller.userId);
  }

  /** @throws AppError device_not_found, forbidden, transfer_not_found */
  async cancel(caller: SharingCaller, deviceId: string): Promise<void> {
    const { access, clock } = this.#dependencies;
    await access.assertDeviceServiceAccess(caller.userId, deviceId);
    await this.#settle('transfer.cancel', { ...caller, deviceId }, async (trx) => {
      const ownership = await lockOwnership(trx, deviceId);
      if (ownership?.ownerId !== caller.userId) return { ok: false, code: 'device_not_found' };
      const id = await new TransferRepository(trx).close(deviceId, 'cancelled', clock.now());
      if (id === undefined) return { ok: false, code: 'transfer_not_found' };
      return { ok: true, value: id, details: { transfer: id } };
    });
  }

  /** @throws AppError invitation_not_found, invitation_for_another_address, already_owner */
  async accept(caller: SharingCaller, token: string): Promise<TakenOver> {
    const tokenHash = hashToken(token);
    const deviceId = await this.#settle('transfer.accept', caller, (trx) =>
      this.#accept(trx, { ...caller, tokenHash }),
    );
    const device = await this.#dependencies.access.assertDeviceServiceAccess(caller.userId, deviceId);
    const ownership = { since: device.ownedSince.toISOString(), epoch: device.epoch };
    return { device: toDeviceView(device), ownership };
  }

  /** Open ones on both sides. @throws AppError invalid_request when the cursor is none of ours */
  async list(
    userId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ transfers: TransferView[]; next_cursor: string | null }> {
    const { db, clock } = this.#dependencies;
    const after = readCursor(cursor, uuidForm);
    const verifiedEmail = await findVerifiedEmail(db, userId);
    const found = await new TransferRepository(db).listOpen(
      { userId, verifiedEmail, now: clock.now() },
      { after, limit: limit + 1 },
    );
    const { page, nextCursor } = pageOf(found, limit, ({ createdAt: at, id: key }) => ({ at, key }));
    return { transfers: page.map((one) => toTransferView(one, userId)), next_cursor: nextCursor };
  }

  async #offer(
    trx: Database,
    { userId, requestId, deviceId, email }: SharingCaller & { deviceId: string; email: string },
  ): Promise<Outcome<Transfer>> {
    const { clock, tokens } = this.#dependencies;
    const ownership = await lockOwnership(trx, deviceId);
    if (ownership?.ownerId !== userId) return { ok: false, code: 'device_not_found' };
    if ((await findVerifiedEmail(trx, userId)) === email) return { ok: false, code: 'already_owner' };
    const now = clock.now();
    const transfers = new TransferRepository(trx);
    await transfers.closeLapsed(now, { deviceId, limit: 1 });
    if (await transfers.isOffered(deviceId)) return { ok: false, code: 'transfer_already_offered' };
    const id = randomUUID();
    const transfer = { id, deviceId, epoch: ownership.epoch, createdAt: now, expiresAt: offerEnd(now) };
    await transfers.insert({
      ...transfer,
      recipientEmail: email,
      tokenHash: tokens.hashOf('transfer', id),
    });
    const payload: SharingMailPayload = { id };
    await enqueue(trx, { topic: transferMailTopic, key: `mail:${id}`, payload, requestId });
    return {
      ok: true,
      value: { ...transfer, recipientEmail: email, toUserId: undefined, closedAt: undefined },
      details: { transfer: id },
    };
  }

  /** Whoever releases the device meanwhile comes before it or after it: then there is nothing to release any more. */
  async #accept(
    trx: Database,
    { userId, requestId, tokenHash }: SharingCaller & { tokenHash: Buffer },
  ): Promise<Outcome<string>> {
    const { clock, entitlementsIn } = this.#dependencies;
    const transfers = new TransferRepository(trx);
    const known = await transfers.findByToken(tokenHash);
    if (known === undefined) return { ok: false, code: 'invitation_not_found' };
    const { id, deviceId } = known;
    const ownership = await lockOwnership(trx, deviceId);
    // Once more, under the lock: it may have been accepted or closed meanwhile.
    const transfer = await transfers.findByToken(tokenHash);
    const now = clock.now();
    const decision = decideAcceptance({
      invitation: transfer && invitationOf(transfer, ownership),
      ownerId: ownership?.ownerId,
      userId,
      verifiedEmail: await lockVerifiedEmail(trx, userId),
      now,
    });
    if (decision.kind === 'refuse') return { ok: false, code: decision.code, deviceId };
    if (decision.kind === 'accepted_before') return { ok: true, value: deviceId, repeated: true };
    if (ownership === undefined) throw new Error(`${deviceId} is offered by nobody`);
    await transfers.accept(id, userId, now);
    const fromUserId = ownership.ownerId;
    const changed = await transferDevice(
      trx,
      { deviceId, fromUserId, toUserId: userId, now, requestId },
      entitlementsIn(trx),
    );
    return {
      ok: true,
      value: deviceId,
      deviceId,
      details: { transfer: id, from_user: fromUserId, ...changed },
    };
  }

  #settle<T>(
    action: string,
    caller: SharingCaller & { deviceId?: string },
    work: (trx: Database) => Promise<Outcome<T>>,
  ): Promise<T> {
    return settle(this.#dependencies.db, { action, ...caller, refusals: this.#refusals }, work);
  }
}

function invitationOf(transfer: Transfer, ownership: LockedOwnership | undefined) {
  const stillHas = transfer.toUserId !== undefined && transfer.toUserId === ownership?.ownerId;
  return {
    open: transfer.closedAt === undefined && transfer.epoch === ownership?.epoch,
    expiresAt: transfer.expiresAt,
    acceptedBy: stillHas ? transfer.toUserId : undefined,
    email: transfer.recipientEmail,
  };
}

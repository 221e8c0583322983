import type { ErrorCode } from '@aovis/contracts/error-codes';
import type { ActivationClaim } from '@aovis/contracts/http/activation';
import { z } from 'zod';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { ulidOf } from '../../kernel/ulid.ts';
import { enqueue } from '../../outbox/outbox.ts';
import type { ClaimDesk } from '../devices/activation-service.ts';
import { describeActivation } from '../devices/activation-view.ts';
import { type ClaimableDevice, lockForClaim } from '../devices/device-grant.ts';
import type { ShadowPort } from '../devices/shadow-port.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { type Claim, claimValidMs, hasRunOut, toClaimView } from './claim.ts';
import { failClaim, recordClaim } from './claim-audit.ts';
import { challengeMessage } from './claim-outbox.ts';
import { KnexClaimRepository } from './claim-repository.ts';

export interface ClaimDependencies {
  db: Database;
  clock: Clock;
  shadows: ShadowPort;
  entitlementsIn: (db: Database) => EntitlementService;
  randomBytes: (size: number) => Uint8Array;
}

interface ClaimRequest {
  userId: string;
  deviceId: string;
  requestId: string;
}

/** What counts of a board's report here; other firmware may lack or misspell it. */
const reportSchema = z.object({ binding: z.object({ claimable: z.boolean(), epoch: z.int() }) });
const ulidForm = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Claims of boards that have to confirm, as those who have the label's code begin them and see what came of them. */
export class ClaimService implements ClaimDesk {
  readonly #dependencies: ClaimDependencies;

  constructor(dependencies: ClaimDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Asks the board. Only one that is there and says that it is in claim mode: no challenge waits for a board, or who
   * has a picture of the label would only have to keep one waiting for the day the buyer switches it on.
   */
  async begin(request: ClaimRequest): Promise<ActivationClaim> {
    const { db, clock } = this.#dependencies;
    const readyInEpoch = await this.#epochOfReadyBoard(request);
    const outcome = await transaction(db, async (trx) => {
      const begun = await this.#beginLocked(trx, request, readyInEpoch);
      if (typeof begun === 'string') await this.#recordRefusal(trx, request, begun);
      return begun;
    });
    if (typeof outcome === 'string') throw new AppError(outcome);
    return toClaimView(outcome, { now: clock.now(), activation: null });
  }

  /** @throws AppError claim_not_found, for somebody else's, too */
  async get(userId: string, claimId: string): Promise<ActivationClaim> {
    const { db, clock, entitlementsIn } = this.#dependencies;
    const claim = ulidForm.test(claimId)
      ? await new KnexClaimRepository(db).findOf(userId, claimId)
      : undefined;
    if (claim === undefined) throw new AppError('claim_not_found');
    const now = clock.now();
    const found =
      claim.status === 'activated'
        ? await describeActivation(db, { userId, deviceId: claim.deviceId, now }, entitlementsIn(db))
        : undefined;
    return toClaimView(claim, { now, activation: found ? { ...found, already_owned: false } : null });
  }

  /** @throws AppError device_offline, device_proof_required, service_unavailable when the shadow cannot be read */
  async #epochOfReadyBoard(request: ClaimRequest): Promise<number> {
    const { db, shadows } = this.#dependencies;
    if (!(await new KnexClaimRepository(db).isOnline(request.deviceId)))
      return this.#refuse(request, 'device_offline');
    const shadow = await shadows.find(request.deviceId, undefined);
    const report = reportSchema.safeParse(shadow?.reported);
    if (!report.success || !report.data.binding.claimable)
      return this.#refuse(request, 'device_proof_required');
    return report.data.binding.epoch;
  }

  /** A claim, or why there is none. */
  async #beginLocked(trx: Database, request: ClaimRequest, readyInEpoch: number): Promise<Claim | ErrorCode> {
    const { userId, deviceId } = request;
    const device = await lockForClaim(trx, deviceId);
    // It was another one when the label was looked at.
    if (device?.status !== 'provisioned') return 'device_not_provisioned';
    if (device.ownerId !== undefined) return 'device_owned_by_another_user';
    // The board has not heard of its release yet, or says something that was true before.
    if (device.epoch !== readyInEpoch) return 'device_proof_required';
    const pending = await this.#findPending(trx, deviceId, request.requestId);
    if (pending !== undefined) return pending.userId === userId ? pending : 'claim_pending';
    return this.#store(trx, request, device);
  }

  async #findPending(trx: Database, deviceId: string, requestId: string): Promise<Claim | undefined> {
    const at = this.#dependencies.clock.now();
    const pending = await new KnexClaimRepository(trx).findPending(deviceId);
    if (pending === undefined || !hasRunOut(pending, at)) return pending;
    const actor = { kind: 'system' } as const;
    await failClaim(trx, pending, {
      failure: 'device_proof_timeout',
      reason: 'expired',
      actor,
      at,
      requestId,
    });
    return undefined;
  }

  async #store(trx: Database, request: ClaimRequest, device: ClaimableDevice): Promise<Claim> {
    const { clock, randomBytes } = this.#dependencies;
    const createdAt = clock.now();
    const claim: Claim = {
      ...request,
      id: ulidOf(createdAt, randomBytes(10)),
      epoch: device.epoch,
      nonce: Buffer.from(randomBytes(32)).toString('base64url'),
      status: 'pending',
      failure: undefined,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + claimValidMs),
    };
    await new KnexClaimRepository(trx).insert(claim);
    await enqueue(trx, challengeMessage(claim));
    await recordClaim(trx, {
      action: 'device.claim',
      actor: { kind: 'user', id: request.userId },
      deviceId: device.deviceId,
      outcome: 'ok',
      details: { claim_id: claim.id, epoch: claim.epoch },
      requestId: request.requestId,
    });
    return claim;
  }

  async #refuse(request: ClaimRequest, code: ErrorCode): Promise<never> {
    await transaction(this.#dependencies.db, (trx) => this.#recordRefusal(trx, request, code));
    throw new AppError(code);
  }

  async #recordRefusal(
    trx: Database,
    { userId, deviceId, requestId }: ClaimRequest,
    code: ErrorCode,
  ): Promise<void> {
    await recordClaim(trx, {
      action: 'device.claim',
      actor: { kind: 'user', id: userId },
      deviceId,
      outcome: 'refused',
      details: { code },
      requestId,
    });
  }
}

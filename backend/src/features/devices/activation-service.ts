import type { ErrorCode } from '@aovis/contracts/error-codes';
import type { Activation, ActivationClaim } from '@aovis/contracts/http/activation';
import { deviceIdSchema } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { ActivationAttempts, closeAttempt } from './activation-attempts.ts';
import { checkActivationCode, type Peppers } from './activation-hash.ts';
import { type ActivationDecision, decideActivation } from './activation-rules.ts';
import { describeActivation } from './activation-view.ts';
import { type LockedDevice, lockDevice, storeActivationHash } from './claim-repository.ts';
import { grantDevice } from './device-grant.ts';

export interface ActivationRequest {
  userId: string;
  /** Where it came from: an IPv4 address, or the /56 network of an IPv6 one, which is one customer's. */
  network: string;
  requestId: string;
  /** As typed or scanned, not yet known to be an id. */
  deviceId: string;
  activationCode: string | undefined;
  iccid: string | undefined;
}

/** What an activation came to: the device, or a claim that waits for the board's word. */
export type ActivationAnswer = { status: 200; body: Activation } | { status: 202; body: ActivationClaim };

/** Where activations go on that a board has to confirm; the label was right and nobody owns the board. */
export interface ClaimDesk {
  /** @throws AppError device_offline, device_proof_required, claim_pending, and as the label's own refusals */
  begin(claim: { userId: string; deviceId: string; requestId: string }): Promise<ActivationClaim>;
}

export interface ActivationDependencies {
  db: Database;
  clock: Clock;
  peppers: Peppers;
  /** The service over a database or transaction. */
  entitlementsIn: (db: Database) => EntitlementService;
  claims: ClaimDesk;
}

/** Stands for whatever was typed that is no device id; the database holds no device of this name. */
const noDeviceId = 'unknown';

/** Makes a device a user's own with the code on its label. */
export class ActivationService {
  readonly #dependencies: ActivationDependencies;
  readonly #attempts: ActivationAttempts;

  constructor(dependencies: ActivationDependencies) {
    this.#dependencies = dependencies;
    this.#attempts = new ActivationAttempts(dependencies.db);
  }

  /** @throws AppError with the code of the refusal (`decideActivation`), or rate_limited */
  async activate(typed: ActivationRequest): Promise<ActivationAnswer> {
    const deviceId = typed.deviceId.trim().toLowerCase();
    const request = {
      ...typed,
      deviceId: deviceIdSchema.safeParse(deviceId).success ? deviceId : noDeviceId,
      iccid: typed.iccid?.replace(/[\s-]/g, '') || undefined,
    };
    const typedCode = request.activationCode?.trim();
    if (!typedCode) {
      await this.#recordAlone(request, 'activation_code_required');
      throw new AppError('activation_code_required');
    }
    const attemptId = await this.#openAttempt(request);
    const outcome = await transaction(this.#dependencies.db, (trx) =>
      this.#claim(trx, request, { typedCode, attemptId }),
    );
    if ('refusal' in outcome) throw new AppError(outcome.refusal);
    if ('activation' in outcome) return { status: 200, body: outcome.activation };
    return { status: 202, body: await this.#dependencies.claims.begin(request) };
  }

  async #openAttempt(request: ActivationRequest): Promise<string> {
    const { clock } = this.#dependencies;
    const opening = await this.#attempts.open(request, clock.now());
    if (opening.ok) return opening.attemptId;
    await this.#recordAlone(request, 'rate_limited');
    throw new AppError('rate_limited', { retryAfterMs: opening.retryAfterMs });
  }

  /** A refusal is a result, not an error: its audit row and its attempt must be committed. */
  async #claim(
    trx: Database,
    request: ActivationRequest,
    { typedCode, attemptId }: { typedCode: string; attemptId: string },
  ): Promise<{ refusal: ErrorCode } | { activation: Activation } | { wantsProof: true }> {
    const device = await lockDevice(trx, request.deviceId);
    const decision = await this.#decide(trx, request, device, typedCode);
    if (decision.kind === 'refuse' || device === undefined) {
      const refusal = decision.kind === 'refuse' ? decision.code : 'invalid_activation_code';
      await closeAttempt(trx, attemptId, refusal);
      await recordRefusal(trx, request, refusal);
      return { refusal };
    }
    await closeAttempt(trx, attemptId, 'ok');
    if (decision.kind === 'prove') return { wantsProof: true };
    if (decision.kind === 'grant') await this.#grant(trx, request, device);
    return { activation: await this.#describe(trx, request, decision.kind === 'already_owned') };
  }

  async #decide(
    trx: Database,
    { userId, deviceId, iccid }: ActivationRequest,
    device: LockedDevice | undefined,
    typedCode: string,
  ): Promise<ActivationDecision> {
    const { peppers } = this.#dependencies;
    const serial = device?.serial ?? deviceId;
    const check = checkActivationCode({ serial, typedCode, storedHash: device?.activationCodeHash }, peppers);
    if (check.matches && check.upgradedHash !== undefined)
      await storeActivationHash(trx, deviceId, check.upgradedHash);
    return decideActivation(
      device && {
        codeMatches: check.matches,
        hasCode: device.activationCodeHash !== undefined,
        status: device.status,
        provisionedIccid: device.iccid,
        presentedIccid: iccid,
        ownerId: device.ownerId,
        userId,
        claimPolicy: device.claimPolicy,
      },
    );
  }

  async #grant(trx: Database, { userId, requestId }: ActivationRequest, device: LockedDevice): Promise<void> {
    const { clock, entitlementsIn } = this.#dependencies;
    await grantDevice(trx, device, { userId, now: clock.now(), requestId }, entitlementsIn(trx));
  }

  async #describe(
    trx: Database,
    { userId, deviceId }: ActivationRequest,
    alreadyOwned: boolean,
  ): Promise<Activation> {
    const { clock, entitlementsIn } = this.#dependencies;
    const activation = await describeActivation(
      trx,
      { userId, deviceId, now: clock.now() },
      entitlementsIn(trx),
    );
    if (activation === undefined) throw new Error(`${deviceId} was claimed and is not owned`);
    return { ...activation, already_owned: alreadyOwned };
  }

  async #recordAlone(request: ActivationRequest, code: ErrorCode): Promise<void> {
    await transaction(this.#dependencies.db, (trx) => recordRefusal(trx, request, code));
  }
}

async function recordRefusal(
  trx: Database,
  { userId, deviceId, requestId }: ActivationRequest,
  code: ErrorCode,
): Promise<void> {
  await record(trx, {
    action: 'device.activate',
    actor: { kind: 'user', id: userId },
    subject: { kind: 'device', id: deviceId },
    outcome: 'refused',
    details: { code },
    requestId,
  });
}

import type { ErrorCode } from '@aovis/contracts/error-codes';
import type { Activation } from '@aovis/contracts/http/devices';
import { deviceIdSchema } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { toEntitlementView } from '../entitlements/entitlement.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { linkSim } from '../sim/sim-service.ts';
import { ActivationAttempts, closeAttempt } from './activation-attempts.ts';
import { checkActivationCode, type Peppers } from './activation-hash.ts';
import { type ActivationDecision, decideActivation } from './activation-rules.ts';
import { beginOwnership, type LockedDevice, lockDevice, storeActivationHash } from './claim-repository.ts';
import { toDeviceView } from './device.ts';
import { type DeviceOutboxPayload, deviceActivatedTopic } from './device-outbox.ts';
import { KnexDeviceRepository } from './device-repository.ts';

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

export interface ActivationDependencies {
  db: Database;
  clock: Clock;
  peppers: Peppers;
  /** The service over a database or transaction. */
  entitlementsIn: (db: Database) => EntitlementService;
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
  async activate(typed: ActivationRequest): Promise<Activation> {
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
    return outcome.activation;
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
  ): Promise<{ refusal: ErrorCode } | { activation: Activation }> {
    const device = await lockDevice(trx, request.deviceId);
    const decision = await this.#decide(trx, request, device, typedCode);
    if (decision.kind === 'refuse' || device === undefined) {
      const refusal = decision.kind === 'refuse' ? decision.code : 'invalid_activation_code';
      await closeAttempt(trx, attemptId, refusal);
      await recordRefusal(trx, request, refusal);
      return { refusal };
    }
    if (decision.kind === 'grant') await this.#grant(trx, request, device);
    await closeAttempt(trx, attemptId, 'ok');
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
    const { deviceId, iccid } = device;
    const now = this.#dependencies.clock.now();
    const epoch = await beginOwnership(trx, { deviceId, userId, now });
    const trial = await this.#dependencies.entitlementsIn(trx).startTrial(userId, deviceId);
    if (iccid !== undefined) await linkSim(trx, { iccid, deviceId, now });
    const payload: DeviceOutboxPayload = { device_id: deviceId };
    await enqueue(trx, { topic: deviceActivatedTopic, key: deviceId, payload, requestId });
    await record(trx, {
      action: 'device.activate',
      actor: { kind: 'user', id: userId },
      subject: { kind: 'device', id: deviceId },
      outcome: 'ok',
      details: { epoch, trial: trial !== undefined },
      requestId,
    });
  }

  async #describe(trx: Database, { userId, deviceId }: ActivationRequest, alreadyOwned: boolean) {
    const device = await new KnexDeviceRepository(trx).find(
      { userId, now: this.#dependencies.clock.now() },
      deviceId,
    );
    if (device?.role !== 'owner') throw new Error(`${deviceId} was claimed and is not owned`);
    const entitlements = await this.#dependencies.entitlementsIn(trx).list(userId, deviceId);
    const trial = entitlements.find(({ source }) => source === 'trial');
    return {
      device: toDeviceView(device),
      ownership: { since: device.ownedSince.toISOString(), epoch: device.epoch },
      entitlement: trial ? toEntitlementView(trial, this.#dependencies.clock.now()) : null,
      already_owned: alreadyOwned,
    };
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

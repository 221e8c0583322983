import type { ErrorCode } from '@aovis/contracts/error-codes';
import { sameIccid } from '../sim/iccid.ts';

/**
 * What a claim needs besides the label's code.
 * - `label`: nothing.
 * - `label+device`: the board signs a challenge while it is claimable.
 */
export type ClaimPolicy = 'label' | 'label+device';

export function claimPolicyOf(model: string, proofModels: readonly string[]): ClaimPolicy {
  return proofModels.includes(model) ? 'label+device' : 'label';
}

/**
 * `planned` until a manifest hands the board over; `revoked` and `retired` boards are never claimed again. Nothing
 * but `provisioned` can be activated.
 */
export type DeviceStatus = 'planned' | 'provisioned' | 'revoked' | 'retired';

export interface ActivationFacts {
  /** False for an unknown device, too. */
  codeMatches: boolean;
  status: DeviceStatus;
  hasCode: boolean;
  /** Of the SIM card that the factory put in; undefined when none is on record. */
  provisionedIccid: string | undefined;
  presentedIccid: string | undefined;
  ownerId: string | undefined;
  userId: string;
  claimPolicy: ClaimPolicy;
}

export type ActivationDecision =
  | { kind: 'refuse'; code: ErrorCode }
  | { kind: 'already_owned' }
  | { kind: 'grant' }
  /** All is right but for the board's own word. */
  | { kind: 'prove' };

/**
 * Decides a claim. The order is the contract: nobody learns about SIM or owner without the code, and an owner who
 * repeats the claim is never asked for more than the first time.
 */
export function decideActivation(facts: ActivationFacts | undefined): ActivationDecision {
  if (facts === undefined) return refuse('invalid_activation_code');
  if (!facts.hasCode) return refuse('device_not_provisioned');
  if (!facts.codeMatches) return refuse('invalid_activation_code');
  if (facts.status !== 'provisioned') return refuse('device_not_provisioned');
  if (!iccidAgrees(facts)) return refuse('iccid_mismatch');
  if (facts.ownerId === facts.userId) return { kind: 'already_owned' };
  if (facts.ownerId !== undefined) return refuse('device_owned_by_another_user');
  return { kind: facts.claimPolicy === 'label+device' ? 'prove' : 'grant' };
}

function refuse(code: ErrorCode): ActivationDecision {
  return { kind: 'refuse', code };
}

function iccidAgrees({ provisionedIccid, presentedIccid }: ActivationFacts): boolean {
  if (presentedIccid === undefined) return true;
  return provisionedIccid !== undefined && sameIccid(provisionedIccid, presentedIccid);
}

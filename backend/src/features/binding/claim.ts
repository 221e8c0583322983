import { createHash } from 'node:crypto';
import type { BindingChallenge } from '@aovis/contracts/binding-proof';
import type { ActivationClaim, claimFailureCodes, claimStatuses } from '@aovis/contracts/http/activation';

export type ClaimStatus = (typeof claimStatuses)[number];
export type ClaimFailure = (typeof claimFailureCodes)[number];

/** Somebody who has the label's code wants a board that has to confirm it. */
export interface Claim {
  id: string;
  deviceId: string;
  userId: string;
  /** The board's, unowned, when the claim was begun: no other epoch's signature counts. */
  epoch: number;
  /** 32 random bytes in base64url. */
  nonce: string;
  status: ClaimStatus;
  failure: ClaimFailure | undefined;
  requestId: string;
  createdAt: Date;
  expiresAt: Date;
}

/** How long a board may take: two minutes, so that one on a bad uplink makes it and nobody blocks it for long. */
export const claimValidMs = 120_000;

export const failureMessages: Record<ClaimFailure, string> = {
  device_proof_timeout:
    'The device did not confirm in time: check that it is online and in claim mode, then activate it again.',
  invalid_proof: 'What the device answered is not its signature. Restart it and activate it again.',
  certificate_not_active: 'The identity of this device has been withdrawn; turn to support.',
  ownership_changed: 'Somebody else has activated this device meanwhile.',
};

/** Names the user of one claim and of no other, without saying who: the board signs it, and an observer learns nothing. */
export function userRefOf({ id, userId }: Pick<Claim, 'id' | 'userId'>): string {
  return `u_${createHash('sha256').update(`AOVIS-USER-REF ${id} ${userId}`).digest('base64url')}`;
}

/** What the board is asked to sign; made from the claim again when its answer is checked. */
export function challengeOf(claim: Claim): BindingChallenge {
  return {
    claim_id: claim.id,
    nonce: claim.nonce,
    user_ref: userRefOf(claim),
    epoch: claim.epoch,
    expires_at: claim.expiresAt.getTime(),
  };
}

export function hasRunOut({ expiresAt }: Claim, now: Date): boolean {
  return expiresAt <= now;
}

/** A claim whose time is over shows as expired before the job has noted it. */
export function toClaimView(
  claim: Claim,
  { now, activation }: { now: Date; activation: ActivationClaim['activation'] },
): ActivationClaim {
  const runOut = claim.status === 'pending' && hasRunOut(claim, now);
  const failure = runOut ? 'device_proof_timeout' : claim.failure;
  return {
    claim_id: claim.id,
    device_id: claim.deviceId,
    status: runOut ? 'expired' : claim.status,
    created_at: claim.createdAt.toISOString(),
    expires_at: claim.expiresAt.toISOString(),
    failure: failure === undefined ? null : { code: failure, message: failureMessages[failure] },
    activation: claim.status === 'activated' ? activation : null,
  };
}

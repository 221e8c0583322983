import type { Database } from '../../db/database.ts';
import { type Actor } from '../audit/audit-entry.ts';
import { record } from '../audit/audit-log.ts';
import { type Claim, type ClaimFailure } from './claim.ts';
import { KnexClaimRepository } from './claim-repository.ts';

/** Ends a locked, pending claim without an owner, and says so in the audit log. */
export async function failClaim(
  trx: Database,
  claim: Claim,
  end: { failure: ClaimFailure; reason: string; actor: Actor; at: Date; requestId: string },
): Promise<void> {
  const { failure, reason, actor, at, requestId } = end;
  const status = failure === 'device_proof_timeout' ? 'expired' : 'refused';
  await new KnexClaimRepository(trx).end(claim.id, { status, failure, at });
  await recordClaim(trx, {
    action: 'device.prove',
    actor,
    deviceId: claim.deviceId,
    outcome: status === 'expired' ? 'failed' : 'refused',
    details: { claim_id: claim.id, code: failure, reason },
    requestId,
  });
}

export async function recordClaim(
  trx: Database,
  entry: {
    /** `claim`: a user asks for it. `prove`: what the board said, or that it said nothing. */
    action: 'device.claim' | 'device.prove';
    actor: Actor;
    deviceId: string;
    outcome: 'ok' | 'refused' | 'failed';
    details: Record<string, unknown>;
    requestId: string;
  },
): Promise<void> {
  const { deviceId, ...rest } = entry;
  await record(trx, { ...rest, subject: { kind: 'device', id: deviceId } });
}

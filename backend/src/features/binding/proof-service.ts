import type { BindingProof } from '@aovis/contracts/binding-proof';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { grantDevice, lockForClaim } from '../devices/device-grant.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import type { CertificateRegistry, RegisteredCertificate } from './certificate-registry.ts';
import { type Claim } from './claim.ts';
import { failClaim, recordClaim } from './claim-audit.ts';
import { KnexClaimRepository } from './claim-repository.ts';
import { judgeProof } from './proof-rules.ts';

export interface ProofDependencies {
  db: Database;
  clock: Clock;
  certificates: CertificateRegistry;
  entitlementsIn: (db: Database) => EntitlementService;
}

/** What a board answered to a challenge, as the ingestion takes it. */
export interface BoardProof {
  /** Who says so, as the broker knows it. */
  thing: string;
  proof: BindingProof;
  requestId: string;
}

/** Takes what boards sign, and ends claims by it. */
export class ProofService {
  readonly #dependencies: ProofDependencies;

  constructor(dependencies: ProofDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * What the answer will be checked against. Asked before the transaction, as all other services are; of no certificate
   * but the one that the device has on record.
   * @throws AppError service_unavailable: the message comes again
   */
  async certificateFor(thing: string, proof: BindingProof): Promise<RegisteredCertificate | undefined> {
    const { db, certificates } = this.#dependencies;
    const registered = await new KnexClaimRepository(db).isCertificateOf(thing, proof.certificate_id);
    return registered ? certificates.find(proof.certificate_id) : undefined;
  }

  /** Whether the claim is one of this board. */
  async knows(trx: Database, thing: string, claimId: string): Promise<boolean> {
    return (await new KnexClaimRepository(trx).find(claimId))?.deviceId === thing;
  }

  /** In the transaction that stores the message: the device is its claimant's when that commits, or nothing happened. */
  async take(
    trx: Database,
    { thing, proof, requestId }: BoardProof,
    certificate: RegisteredCertificate | undefined,
  ): Promise<void> {
    const { clock, entitlementsIn } = this.#dependencies;
    const device = await lockForClaim(trx, thing);
    const claim = await new KnexClaimRepository(trx).lock(proof.claim_id);
    if (device === undefined || claim?.deviceId !== thing) return;
    const at = clock.now();
    const verdict = judgeProof({ claim, device, certificate, proof, now: at });
    const actor = { kind: 'device', id: thing } as const;
    if (verdict.kind === 'late') {
      const details = { claim_id: claim.id, reason: verdict.reason };
      const said = { action: 'device.prove', actor, deviceId: thing, details, requestId } as const;
      return recordClaim(trx, { ...said, outcome: 'refused' });
    }
    if (verdict.kind === 'refuse') return failClaim(trx, claim, { ...verdict, actor, at, requestId });
    await this.#recordProof(trx, claim, requestId);
    const grant = { userId: claim.userId, now: at, requestId, claimId: claim.id };
    await grantDevice(trx, device, grant, entitlementsIn(trx));
    await new KnexClaimRepository(trx).end(claim.id, { status: 'activated', at });
  }

  async #recordProof(trx: Database, { id, deviceId }: Claim, requestId: string): Promise<void> {
    await recordClaim(trx, {
      action: 'device.prove',
      actor: { kind: 'device', id: deviceId },
      deviceId,
      outcome: 'ok',
      details: { claim_id: id },
      requestId,
    });
  }
}

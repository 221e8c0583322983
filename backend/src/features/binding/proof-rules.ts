import { constants, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { type BindingProof, bindingTranscript } from '@aovis/contracts/binding-proof';
import type { DeviceStatus } from '../devices/activation-rules.ts';
import type { RegisteredCertificate } from './certificate-registry.ts';
import { type Claim, type ClaimFailure, challengeOf, hasRunOut } from './claim.ts';

export interface ProofFacts {
  claim: Claim;
  /** The device as it is locked now. */
  device: {
    status: DeviceStatus;
    ownerId: string | undefined;
    epoch: number;
    certificateId: string | undefined;
  };
  /** Of the device, as the register has it now. */
  certificate: RegisteredCertificate | undefined;
  proof: BindingProof;
  now: Date;
}

export type ProofVerdict =
  | { kind: 'grant' }
  /** The claim ends with it. */
  | { kind: 'refuse'; failure: ClaimFailure; reason: string }
  /** The claim has ended before: nothing changes. */
  | { kind: 'late'; reason: string };

/** Decides about a board's answer. Whatever is wrong ends the claim: a second guess takes a second claim. */
export function judgeProof({ claim, device, certificate, proof, now }: ProofFacts): ProofVerdict {
  if (claim.status !== 'pending') return { kind: 'late', reason: `claim_${claim.status}` };
  if (hasRunOut(claim, now)) return refuse('device_proof_timeout', 'expired');
  if (device.status !== 'provisioned') return refuse('certificate_not_active', `device_${device.status}`);
  if (device.ownerId !== undefined) return refuse('ownership_changed', 'owned');
  if (device.epoch !== claim.epoch) return refuse('ownership_changed', 'wrong_epoch');
  if (proof.certificate_id !== device.certificateId) return refuse('invalid_proof', 'another_certificate');
  if (certificate === undefined) return refuse('certificate_not_active', 'certificate_unknown');
  if (!certificate.active) return refuse('certificate_not_active', 'certificate_revoked');
  if (!isSignedBy(certificate, { claim, proof })) return refuse('invalid_proof', 'wrong_signature');
  return { kind: 'grant' };
}

function refuse(failure: ClaimFailure, reason: string): ProofVerdict {
  return { kind: 'refuse', failure, reason };
}

/** Over the challenge as this claim has it: another user's, another board's or an older one gives other bytes. */
function isSignedBy(
  { pem }: RegisteredCertificate,
  { claim, proof }: { claim: Claim; proof: BindingProof },
): boolean {
  const transcript = bindingTranscript({
    thing: claim.deviceId,
    certificateId: proof.certificate_id,
    challenge: challengeOf(claim),
  });
  const signature = Buffer.from(proof.signature, 'base64url');
  const key = verificationKeyOf(new X509Certificate(pem).publicKey);
  return key !== undefined && verify('sha256', transcript, key, signature);
}

/** ECDSA on P-256, or RSA-PSS with a salt as long as the hash: the two kinds of key that boards have. */
function verificationKeyOf(key: KeyObject) {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return { key, dsaEncoding: 'der' as const };
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2_048)
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return undefined;
}

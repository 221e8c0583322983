import { constants, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { type BindingChallenge, type BindingProof, bindingTranscript } from '@aovis/contracts/binding-proof';
import type { Bundle } from '../identity/bundle.ts';

/** Answers a challenge with the board's key. */
export type Signer = (challenge: BindingChallenge) => BindingProof;

/** Signs with the key that the bundle has at the moment, ECDSA or RSA-PSS, over the transcript of `@aovis/contracts/binding-proof`. */
export function boardSigner(bundle: Bundle): Signer {
  return (challenge) => {
    const { thing, certificateId, privateKey } = bundle;
    const transcript = bindingTranscript({ thing, certificateId, challenge });
    const signature = sign('sha256', transcript, signingOptions(createPrivateKey(privateKey)));
    return {
      claim_id: challenge.claim_id,
      certificate_id: certificateId,
      signature: signature.toString('base64url'),
    };
  };
}

function signingOptions(key: KeyObject) {
  if (key.asymmetricKeyType !== 'rsa') return { key, dsaEncoding: 'der' as const };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

import { type KeyObject, verify } from 'node:crypto';
import { type Signer, signatureAlgorithmOf } from '../ca/signer.ts';
import { Refusal } from '../refusal.ts';

/**
 * A signer outside this process whose every signature is verified before it goes into a certificate: another key
 * under the same name, or a broken answer, would else be noticed by boards in the field.
 */
export function checkedSigner(parts: {
  /** For the operator: «AWS KMS key …». */
  name: string;
  publicKey: KeyObject;
  sign: (message: Buffer) => Promise<Buffer>;
  close: () => void;
}): Signer {
  const { name, publicKey, close } = parts;
  return {
    signatureAlgorithm: signatureAlgorithmOf(publicKey),
    publicKey,
    async sign(message) {
      const signature = await parts.sign(message);
      if (!verify('sha256', message, publicKey, signature))
        throw new Refusal(
          'ca',
          `${name} answered with a signature that its public key does not confirm; do not go on before that is explained.`,
        );
      return signature;
    },
    close,
  };
}

import * as z from 'zod';
import { epochMsSchema } from './events.ts';
import { certificateIdSchema, deviceIdSchema, ulidSchema } from './ids.ts';

/** Cloud → board on `aovis/{thing}/binding/challenge`. `user_ref` is opaque: it names a claim's user without saying who. */
export const bindingChallengeSchema = z.strictObject({
  claim_id: ulidSchema,
  nonce: z.base64url().length(43),
  user_ref: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
  epoch: z.int().nonnegative(),
  expires_at: epochMsSchema,
});
export type BindingChallenge = z.infer<typeof bindingChallengeSchema>;

/**
 * Board → cloud on `aovis/{thing}/binding/proof`: over `bindingTranscript` with SHA-256, ECDSA P-256 in ASN.1 DER (RFC
 * 3279 §2.2.3) or RSA-PSS with a salt as long as the hash (RFC 8017 §8.1).
 */
export const bindingProofSchema = z.strictObject({
  claim_id: ulidSchema,
  certificate_id: certificateIdSchema,
  signature: z.base64url().min(64).max(700),
});
export type BindingProof = z.infer<typeof bindingProofSchema>;

export interface BindingTranscript {
  thing: string;
  certificateId: string;
  challenge: BindingChallenge;
}

const domain = 'AOVIS-BIND-v1';

/**
 * The bytes a board signs: the domain and every field, each preceded by its length as 4 big-endian bytes, so that
 * no two different sets of fields give the same bytes. Numbers are decimal text.
 */
export function bindingTranscript({ thing, certificateId, challenge }: BindingTranscript): Buffer {
  const fields = [
    domain,
    deviceIdSchema.parse(thing),
    certificateId,
    challenge.claim_id,
    challenge.user_ref,
    challenge.nonce,
    String(challenge.expires_at),
    String(challenge.epoch),
  ];
  return Buffer.concat(
    fields.map((field) => {
      const bytes = Buffer.from(field, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  );
}

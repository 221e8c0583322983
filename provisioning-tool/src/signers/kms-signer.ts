import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand, type SigningAlgorithmSpec } from '@aws-sdk/client-kms';
import { kindOfKey, type Signer } from '../ca/signer.ts';
import { cloudFailureOf } from '../cloud/aws-errors.ts';
import { messageOf, Refusal } from '../refusal.ts';
import { checkedSigner } from './checked-signer.ts';
import type { KeyLocation } from './key-location.ts';

export interface KmsOptions {
  /** Instead of the region's public endpoint. */
  url: string | undefined;
  requestTimeoutMs: number;
}

/**
 * Signs with a key of AWS KMS (AWS KMS API Reference, Sign): the SHA-256 is made here and sent as a DIGEST, so that
 * nothing of a certificate leaves and its length does not matter. Throttles and lost answers are repeated by the SDK;
 * a second signature harms nobody.
 * @throws Refusal when the key cannot be used
 */
export async function openKmsSigner(
  { keyArn, region }: KeyLocation & { kind: 'kms' },
  { url, requestTimeoutMs }: KmsOptions,
): Promise<Signer> {
  const name = `The AWS KMS key ${keyArn}`;
  const client = new KMSClient({
    region,
    ...(url ? { endpoint: url } : {}),
    maxAttempts: 5,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  try {
    const publicKey = await publicKeyOf(client, keyArn, name);
    const algorithm: SigningAlgorithmSpec =
      kindOfKey(publicKey) === 'ec-p256' ? 'ECDSA_SHA_256' : 'RSASSA_PKCS1_V1_5_SHA_256';
    const sign = async (message: Buffer): Promise<Buffer> => {
      const { Signature } = await asked(name, 'kms:Sign', () =>
        client.send(
          new SignCommand({
            KeyId: keyArn,
            Message: createHash('sha256').update(message).digest(),
            MessageType: 'DIGEST',
            SigningAlgorithm: algorithm,
          }),
        ),
      );
      return Buffer.from(Signature ?? []);
    };
    return checkedSigner({ name, publicKey, sign, close: () => client.destroy() });
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function publicKeyOf(client: KMSClient, keyArn: string, name: string): Promise<KeyObject> {
  const answer = await asked(name, 'kms:GetPublicKey', () =>
    client.send(new GetPublicKeyCommand({ KeyId: keyArn })),
  );
  if (answer.KeyUsage !== 'SIGN_VERIFY' || !answer.PublicKey)
    throw new Refusal('ca', `${name} is not for signing; make one with key usage SIGN_VERIFY.`);
  return createPublicKey({ key: Buffer.from(answer.PublicKey), type: 'spki', format: 'der' });
}

/** KMS's refusals as sentences; credentials and permissions end with their own exit code. */
async function asked<T>(name: string, operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const reason = error instanceof Error ? error.name : '';
    const sentence = sentences[reason];
    if (sentence !== undefined) throw new Refusal('ca', `${name} ${sentence}`, { cause: error });
    const failure = cloudFailureOf(operation, error);
    if (failure.kind === 'credentials') throw new Refusal('credentials', failure.message, { cause: error });
    throw new Refusal('ca', `${name} did not sign: ${messageOf(error)}. Run the same command again.`, {
      cause: error,
    });
  }
}

/** Error names of the AWS KMS API Reference, Sign and GetPublicKey. */
const sentences: Record<string, string> = {
  NotFoundException: 'does not exist; check the ARN, the account and the region.',
  DisabledException: 'is disabled; enable it.',
  KMSInvalidStateException: 'cannot be used now (pending deletion or import); bring it back, or roll over.',
  InvalidKeyUsageException: 'is not for signing with SHA-256; make one with key usage SIGN_VERIFY.',
  UnsupportedOperationException: 'has no public half; make an asymmetric key for signing.',
};

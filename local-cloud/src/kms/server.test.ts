import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisabledException,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  InvalidKeyUsageException,
  type KeySpec,
  KMSClient,
  KMSInvalidSignatureException,
  KMSInvalidStateException,
  NotFoundException,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type SigningAlgorithmSpec,
  UnsupportedOperationException,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Iam } from '../kernel/iam.ts';
import type { Environment } from '../kernel/service.ts';
import { accountKey, createTestEnvironment } from '../kernel/testing/test-environment.ts';
import { Kms } from './server.ts';

let environment: Environment & { dispose(): void };
let kms: Kms;
let client: KMSClient;

beforeEach(async () => {
  environment = await createTestEnvironment();
  const iam = new Iam(environment.store, environment.accountId);
  kms = new Kms(environment, { authorize: (...call) => iam.authorize(...call) });
  await kms.start();
  client = new KMSClient({
    region: 'us-east-1',
    endpoint: kms.url,
    credentials: accountKey,
    maxAttempts: 1,
  });
});
afterEach(async () => {
  client.destroy();
  await kms.stop();
  environment.dispose();
});

async function createKey(KeySpec: KeySpec = 'ECC_NIST_P256'): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec, KeyUsage: 'SIGN_VERIFY' }));
  return KeyMetadata?.Arn ?? '';
}

const message = Buffer.from('to be signed');
const digestOf = (hash: string) => createHash(hash).update(message).digest();
const sign = (KeyId: string, SigningAlgorithm: SigningAlgorithmSpec, Message: Buffer, raw = false) =>
  client.send(new SignCommand({ KeyId, SigningAlgorithm, Message, MessageType: raw ? 'RAW' : 'DIGEST' }));

describe('keys for signing', () => {
  it.each([
    ['ECC_NIST_P256', 'ECDSA_SHA_256', 'sha256'],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', 'sha256'],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_512', 'sha512'],
  ] as const)('%s signs with %s what OpenSSL verifies', async (spec, algorithm, hash) => {
    const arn = await createKey(spec);
    const { PublicKey, KeyUsage, SigningAlgorithms } = await client.send(
      new GetPublicKeyCommand({ KeyId: arn }),
    );
    expect(KeyUsage).toBe('SIGN_VERIFY');
    expect(SigningAlgorithms).toContain(algorithm);
    const publicKey = createPublicKey({
      key: Buffer.from(PublicKey ?? []),
      type: 'spki',
      format: 'der',
    });
    for (const answer of [
      await sign(arn, algorithm, digestOf(hash)),
      await sign(arn, algorithm, message, true),
    ]) {
      const key = spec.startsWith('RSA')
        ? { key: publicKey, padding: constants.RSA_PKCS1_PADDING }
        : publicKey;
      expect(verify(hash, message, key, Buffer.from(answer.Signature ?? []))).toBe(true);
      expect(answer.KeyId).toBe(arn);
    }
  });

  it('verifies, and refuses what was not signed', async () => {
    const KeyId = await createKey();
    const { Signature } = await sign(KeyId, 'ECDSA_SHA_256', message, true);
    const asked = { KeyId, Signature, SigningAlgorithm: 'ECDSA_SHA_256' as const };
    expect(await client.send(new VerifyCommand({ ...asked, Message: message }))).toMatchObject({
      SignatureValid: true,
    });
    await expect(
      client.send(new VerifyCommand({ ...asked, Message: Buffer.from('another') })),
    ).rejects.toBeInstanceOf(KMSInvalidSignatureException);
  });

  it('are found by id, ARN and alias, and nowhere else', async () => {
    const arn = await createKey();
    await client.send(new CreateAliasCommand({ AliasName: 'alias/issuing', TargetKeyId: arn }));
    const keyId = arn.split('/')[1] ?? '';
    const aliasArn = arn.replace(/key\/.*/, 'alias/issuing');
    for (const KeyId of [keyId, arn, 'alias/issuing', aliasArn]) {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata).toMatchObject({ KeyId: keyId, KeyState: 'Enabled', KeySpec: 'ECC_NIST_P256' });
      expect(KeyMetadata?.CreationDate?.getTime()).toBeGreaterThan(environment.clock.now() - 60_000);
    }
    for (const KeyId of ['alias/other', keyId.replace(/^./, 'x'), arn.replace('eu-central-1', 'eu-west-1')])
      await expect(client.send(new DescribeKeyCommand({ KeyId }))).rejects.toBeInstanceOf(NotFoundException);
  });

  it('do not sign while they are disabled or about to be deleted', async () => {
    const KeyId = await createKey();
    await client.send(new DisableKeyCommand({ KeyId }));
    await expect(sign(KeyId, 'ECDSA_SHA_256', digestOf('sha256'))).rejects.toBeInstanceOf(DisabledException);
    await client.send(new EnableKeyCommand({ KeyId }));
    await sign(KeyId, 'ECDSA_SHA_256', digestOf('sha256'));
    await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await expect(sign(KeyId, 'ECDSA_SHA_256', digestOf('sha256'))).rejects.toBeInstanceOf(
      KMSInvalidStateException,
    );
  });

  it('refuse algorithms, lengths and kinds of keys that do not fit', async () => {
    const KeyId = await createKey();
    await expect(sign(KeyId, 'RSASSA_PKCS1_V1_5_SHA_256', digestOf('sha256'))).rejects.toBeInstanceOf(
      InvalidKeyUsageException,
    );
    await expect(sign(KeyId, 'ECDSA_SHA_256', message)).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(sign(KeyId, 'ECDSA_SHA_256', Buffer.alloc(4097), true)).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(client.send(new CreateKeyCommand({}))).rejects.toBeInstanceOf(UnsupportedOperationException);
  });

  it('answer on the JSON 1.1 wire', async () => {
    const answer = await fetch(kms.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.Sign', 'content-type': 'application/x-amz-json-1.1' },
      body: '{}',
    });
    expect(answer.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(await answer.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
    const unknown = await fetch(kms.url, { method: 'POST', headers: { 'x-amz-target': 'TrentService.Fly' } });
    expect(await unknown.json()).toMatchObject({ __type: 'UnknownOperationException' });
  });

  it('throttles like the service, and the SDK waits', async () => {
    environment.faults.add({
      service: 'kms',
      operation: 'Sign',
      effect: { kind: 'error', status: 400, code: 'ThrottlingException', message: 'slow down' },
      times: 1,
    });
    const patient = new KMSClient({
      region: 'us-east-1',
      endpoint: kms.url,
      credentials: accountKey,
      maxAttempts: 3,
    });
    const KeyId = await createKey();
    const answer = await patient.send(
      new SignCommand({ KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message: message, MessageType: 'RAW' }),
    );
    expect(answer.Signature).toBeDefined();
    patient.destroy();
  });
});

import { z } from 'zod';
import type { AwsAnswer, AwsOperation, AwsRequest } from '../kernel/aws-server.ts';
import type { Authorizer } from '../kernel/principal.ts';
import { invalidSignature, unsupported, validation } from './errors.ts';
import { type Keys, keySpecs, privateKeyOf, publicKeyOf, type StoredKey } from './keys.ts';
import { algorithmsOf, signWith, verifyWith } from './signing.ts';

const keyId = z.object({ KeyId: z.string().min(1).max(2048) });
const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const signing = keyId.extend({
  Message: base64,
  MessageType: z.enum(['RAW', 'DIGEST']).default('RAW'),
  SigningAlgorithm: z.string(),
});
const verifying = signing.extend({ Signature: base64 });
const creation = z.object({
  KeySpec: z.string().default('SYMMETRIC_DEFAULT'),
  KeyUsage: z.string().default('ENCRYPT_DECRYPT'),
  Description: z.string().max(8192).default(''),
});
const alias = z.object({ AliasName: z.string(), TargetKeyId: z.string() });
const deletion = keyId.extend({ PendingWindowInDays: z.int().min(7).max(30).default(30) });

/** The operations of AWS KMS that have to do with keys for signing, on the JSON 1.1 wire. */
export function kmsOperations(keys: Keys, authorizer: Authorizer): AwsOperation[] {
  const operation = <T>(
    name: string,
    schema: z.ZodType<T>,
    act: (input: T, allow: (resource: string) => void) => AwsAnswer,
  ): AwsOperation => ({
    name,
    method: 'POST',
    path: '/',
    target: `TrentService.${name}`,
    handle: (request) =>
      act(parse(schema, request), (resource) =>
        authorizer.authorize(request.principal, `kms:${name}`, resource),
      ),
  });
  /** Of one key: found, then allowed, then acted on. */
  const onKey = <T extends { KeyId: string }>(
    name: string,
    schema: z.ZodType<T>,
    act: (key: StoredKey, input: T) => AwsAnswer,
  ): AwsOperation =>
    operation(name, schema, (input, allow) => {
      const key = keys.get(input.KeyId);
      allow(key.arn);
      return act(key, input);
    });

  return [
    operation('CreateKey', creation, ({ KeySpec, KeyUsage, Description }, allow) => {
      allow('*');
      const spec = keySpecs.find((known) => known === KeySpec);
      if (spec === undefined || KeyUsage !== 'SIGN_VERIFY')
        throw unsupported(
          `This stand-in makes keys for SIGN_VERIFY of the specs ${keySpecs.join(', ')} only.`,
        );
      return { json: { KeyMetadata: metadataOf(keys.create(spec, Description)) } };
    }),
    operation('CreateAlias', alias, ({ AliasName, TargetKeyId }, allow) => {
      allow(keys.get(TargetKeyId).arn);
      keys.createAlias(AliasName, TargetKeyId);
      return {};
    }),
    onKey('DescribeKey', keyId, (key) => ({ json: { KeyMetadata: metadataOf(key) } })),
    onKey('GetPublicKey', keyId, (_, { KeyId }) => {
      const key = keys.usable(KeyId);
      return {
        json: {
          KeyId: key.arn,
          PublicKey: publicKeyOf(key).toString('base64'),
          KeySpec: key.spec,
          CustomerMasterKeySpec: key.spec,
          KeyUsage: 'SIGN_VERIFY',
          SigningAlgorithms: algorithmsOf(key.spec),
        },
      };
    }),
    onKey('Sign', signing, (_, { KeyId, Message, MessageType, SigningAlgorithm }) => {
      const key = keys.usable(KeyId);
      const input = { message: Message, messageType: MessageType, algorithm: SigningAlgorithm };
      const signature = signWith(privateKeyOf(key), key.spec, input);
      return { json: { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm } };
    }),
    onKey('Verify', verifying, (_, { KeyId, Message, MessageType, SigningAlgorithm, Signature }) => {
      const key = keys.usable(KeyId);
      const input = { message: Message, messageType: MessageType, algorithm: SigningAlgorithm };
      if (!verifyWith(privateKeyOf(key), key.spec, { ...input, signature: Signature }))
        throw invalidSignature();
      return { json: { KeyId: key.arn, SignatureValid: true, SigningAlgorithm } };
    }),
    onKey('EnableKey', keyId, (_, { KeyId }) => {
      keys.setState(KeyId, 'Enabled');
      return {};
    }),
    onKey('DisableKey', keyId, (_, { KeyId }) => {
      keys.setState(KeyId, 'Disabled');
      return {};
    }),
    onKey('ScheduleKeyDeletion', deletion, (_, { KeyId, PendingWindowInDays }) => {
      const key = keys.scheduleDeletion(KeyId, PendingWindowInDays);
      return {
        json: {
          KeyId: key.arn,
          KeyState: key.state,
          DeletionDate: (key.deletionAt ?? 0) / 1000,
          PendingWindowInDays,
        },
      };
    }),
  ];
}

function parse<T>(schema: z.ZodType<T>, request: AwsRequest): T {
  const parsed = schema.safeParse(request.json());
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw validation(
    `1 validation error detected: Value at '${issue?.path.join('.') ?? ''}' failed to satisfy constraint: ${issue?.message ?? ''}`,
  );
}

function metadataOf(key: StoredKey): Record<string, unknown> {
  return {
    AWSAccountId: key.arn.split(':')[4],
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: key.createdAt / 1000,
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: 'SIGN_VERIFY',
    KeyState: key.state,
    ...(key.deletionAt === undefined ? {} : { DeletionDate: key.deletionAt / 1000 }),
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    SigningAlgorithms: algorithmsOf(key.spec),
    MultiRegion: false,
  };
}

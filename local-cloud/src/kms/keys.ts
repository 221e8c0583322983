import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import type { Environment } from '../kernel/service.ts';
import type { Table } from '../kernel/store.ts';
import { aliasExists, disabled, invalidState, notFound, validation } from './errors.ts';

/** Key specs for signing that this stand-in makes (AWS KMS Developer Guide, "Key spec reference"). */
export const keySpecs = ['ECC_NIST_P256', 'RSA_2048', 'RSA_3072', 'RSA_4096'] as const;
export type KeySpec = (typeof keySpecs)[number];
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

/** Times in milliseconds since the epoch. */
export interface StoredKey {
  keyId: string;
  arn: string;
  spec: KeySpec;
  state: KeyState;
  description: string;
  createdAt: number;
  deletionAt?: number;
  /** PKCS#8 PEM; a laptop's stand-in has no hardware to hide it in. */
  privateKey: string;
}

interface StoredAlias {
  aliasArn: string;
  keyId: string;
}

/** The account's keys and their aliases. */
export class Keys {
  readonly #environment: Pick<Environment, 'clock' | 'region' | 'accountId'>;
  readonly #keys: Table<StoredKey>;
  readonly #aliases: Table<StoredAlias>;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#keys = environment.store.table('kms-keys');
    this.#aliases = environment.store.table('kms-aliases');
  }

  create(spec: KeySpec, description: string): StoredKey {
    const keyId = randomUUID();
    const key: StoredKey = {
      keyId,
      arn: this.#arn(`key/${keyId}`),
      spec,
      state: 'Enabled',
      description,
      createdAt: this.#environment.clock.now(),
      privateKey: generate(spec).export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    this.#keys.put(keyId, key);
    return key;
  }

  /** By key id, key ARN, alias name or alias ARN, as every operation takes it. */
  get(reference: string): StoredKey {
    const { accountId, region } = this.#environment;
    const arn = /^arn:aws[a-z-]*:kms:([^:]+):([^:]+):(.+)$/.exec(reference);
    if (arn && (arn[1] !== region || arn[2] !== accountId)) throw notFound(`Key '${reference}'`);
    const name = arn?.[3] ?? reference;
    const aliased = name.startsWith('alias/') ? this.#aliases.get(name)?.keyId : name.replace(/^key\//, '');
    const key = aliased === undefined ? undefined : this.#keys.get(aliased);
    if (key === undefined)
      throw notFound(
        name.startsWith('alias/') ? `Alias ${this.#arn(name)}` : `Key '${this.#arn(`key/${name}`)}'`,
      );
    return this.#withDeletion(key);
  }

  /** A key that may be used: neither disabled nor about to be deleted. */
  usable(reference: string): StoredKey {
    const key = this.get(reference);
    if (key.state === 'PendingDeletion') throw invalidState(key.arn);
    if (key.state === 'Disabled') throw disabled(key.arn);
    return key;
  }

  /** @param state `Disabled` or `Enabled`; a key about to be deleted stays so */
  setState(reference: string, state: 'Enabled' | 'Disabled'): void {
    const key = this.get(reference);
    if (key.state === 'PendingDeletion') throw invalidState(key.arn);
    this.#keys.put(key.keyId, { ...key, state });
  }

  scheduleDeletion(reference: string, days: number): StoredKey {
    const key = this.get(reference);
    if (key.state === 'PendingDeletion') throw invalidState(key.arn);
    const deletionAt = this.#environment.clock.now() + days * 86_400_000;
    const next: StoredKey = { ...key, state: 'PendingDeletion', deletionAt };
    this.#keys.put(key.keyId, next);
    return next;
  }

  createAlias(name: string, target: string): void {
    if (!/^alias\/[A-Za-z0-9/_-]{1,250}$/.test(name) || name.startsWith('alias/aws/'))
      throw validation('Alias must start with the prefix "alias/" and not with "alias/aws/"');
    const aliasArn = this.#arn(name);
    if (this.#aliases.has(name)) throw aliasExists(aliasArn);
    this.#aliases.put(name, { aliasArn, keyId: this.get(target).keyId });
  }

  /** After its waiting period a key is gone. */
  #withDeletion(key: StoredKey): StoredKey {
    if (key.deletionAt !== undefined && key.deletionAt <= this.#environment.clock.now()) {
      this.#keys.delete(key.keyId);
      throw notFound(`Key '${key.arn}'`);
    }
    return key;
  }

  #arn(resource: string): string {
    return `arn:aws:kms:${this.#environment.region}:${this.#environment.accountId}:${resource}`;
  }
}

export function privateKeyOf(key: StoredKey): KeyObject {
  return createPrivateKey(key.privateKey);
}

/** DER of the SubjectPublicKeyInfo. */
export function publicKeyOf(key: StoredKey): Buffer {
  return createPublicKey(privateKeyOf(key)).export({ type: 'spki', format: 'der' });
}

function generate(spec: KeySpec): KeyObject {
  return spec === 'ECC_NIST_P256'
    ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    : generateKeyPairSync('rsa', { modulusLength: Number(spec.slice('RSA_'.length)) }).privateKey;
}

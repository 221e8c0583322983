import { timingSafeEqual } from 'node:crypto';
import type { FactoryScope } from '@aovis/contracts/http/route';
import { hashToken } from '../../kernel/tokens.ts';

/** A factory API key as it is stored: nobody can sign in with what the database has. */
export interface FactoryKey {
  keyId: string;
  lineId: string;
  secretHash: Buffer;
  scopes: readonly FactoryScope[];
  createdAt: Date;
  expiresAt: Date | undefined;
  revokedAt: Date | undefined;
  lastUsedAt: Date | undefined;
  replaces: string | undefined;
}

/** The production line whose API key came with a request. */
export interface FactoryCaller {
  keyId: string;
  /** Keys of one line follow one another and see the same boards. */
  lineId: string;
  scopes: readonly FactoryScope[];
}

/** `aovis_fk_<id>_<256 random bits>`: secret scanners find it by its beginning, operators by its id. */
export function formatFactoryKey(keyId: string, secret: string): string {
  return `aovis_fk_${keyId}_${secret}`;
}

/** The parts of an `Authorization` header; undefined when it carries no factory key. */
export function readFactoryKey(
  authorization: string | undefined,
): { keyId: string; secret: string } | undefined {
  const [, keyId, secret] =
    /^Bearer aovis_fk_([a-z0-9]{16})_([A-Za-z0-9_-]{43})$/.exec(authorization ?? '') ?? [];
  return keyId === undefined || secret === undefined ? undefined : { keyId, secret };
}

/** Compares in constant time, also where there is no such key. */
export function isSecretOf(key: FactoryKey | undefined, secret: string): key is FactoryKey {
  const same = timingSafeEqual(hashToken(secret), key?.secretHash ?? Buffer.alloc(32));
  return same && key !== undefined;
}

export function isUsable(key: FactoryKey, now: Date): boolean {
  return key.revokedAt === undefined && (key.expiresAt === undefined || now < key.expiresAt);
}

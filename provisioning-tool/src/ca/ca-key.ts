import { generateKeyPairSync, type KeyObject } from 'node:crypto';

export type CaKeyKind = 'ec-p256' | 'rsa-3072';
export const caKeyKinds: readonly CaKeyKind[] = ['ec-p256', 'rsa-3072'];

export function generateCaKey(kind: CaKeyKind): KeyObject {
  return kind === 'ec-p256'
    ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    : generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
}

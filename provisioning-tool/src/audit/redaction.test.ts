import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { withoutSecrets } from './redaction.ts';

it('private keys are taken out, whole or cut off', () => {
  const lines = Array.from({ length: 3 }, () => randomBytes(48).toString('base64'));
  const begin = '-----BEGIN ENCRYPTED PRIVATE KEY-----';
  const end = '-----END ENCRYPTED PRIVATE KEY-----';
  expect(withoutSecrets(`read ${[begin, ...lines, end].join('\n')}, then failed`)).toBe(
    'read [private key], then failed',
  );
  expect(withoutSecrets(`read ${[begin, ...lines].join('\n')}`)).toBe('read [private key]');
  expect(withoutSecrets('is AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGP it?')).toBe('is [private key] it?');
  expect(withoutSecrets('-----BEGIN PUBLIC KEY-----')).toBe('-----BEGIN PUBLIC KEY-----');
});

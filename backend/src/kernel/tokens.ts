import { createHash, createHmac, randomBytes } from 'node:crypto';

/** 256 random bits as 43 base64url characters. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * What is stored instead of a token. A plain hash is enough: tokens carry 256 random bits (OWASP ASVS 5.0, 6.5.2,
 * asks for a password hash below 112).
 */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** A token that follows from another one and a key only the server has: repeatable, and stored nowhere in clear. */
export function deriveToken(key: string, purpose: string, token: string): string {
  return createHmac('sha256', key).update(`${purpose}\0${token}`, 'utf8').digest('base64url');
}

import { createHash, createHmac } from 'node:crypto';
import {
  activationCodeDigest,
  formatActivationCode,
  generateActivationCode,
} from '@aovis/contracts/activation-code';
import { describe, expect, it } from '@jest/globals';
import {
  checkActivationCode,
  hashActivationDigest,
  matchesActivationDigest,
  parsePeppers,
} from './activation-hash.ts';

const hexKey = '11'.repeat(32);
const otherKey = Buffer.alloc(40, 7).toString('base64url');
const peppers = parsePeppers(`p2:${hexKey}, p1:${otherKey}`);
const serial = 'N4K-000123';
const code = generateActivationCode((n) => Buffer.alloc(n, 0x5a));

describe('peppers', () => {
  it('reads hex and base64url, the first is current', () => {
    expect(peppers.currentId).toBe('p2');
    expect(peppers.keys.get('p2')).toEqual(Buffer.from(hexKey, 'hex'));
    expect(peppers.keys.get('p1')).toHaveLength(40);
  });

  it.each([
    ['', /id:key/],
    ['justakey', /id:key/],
    [`a:${'11'.repeat(31)}`, /pepper a of 31 bytes/],
    [`a:${hexKey},a:${hexKey}`, /pepper a twice/],
  ])('refuses %j with a sentence and without the key', (text, sentence) => {
    expect(() => parsePeppers(text)).toThrow(sentence);
    expect(() => parsePeppers(text)).not.toThrow(/1111/);
  });
});

describe('checking a code', () => {
  const digest = activationCodeDigest(serial, code);
  const storedHash = hashActivationDigest(digest, peppers);

  it('stores a self-describing keyed hash of the station digest', () => {
    const expected = createHmac('sha256', Buffer.from(hexKey, 'hex')).update(digest).digest('hex');
    expect(storedHash).toBe(`hmac-sha256$p2$${expected}`);
  });

  it.each([code, formatActivationCode(code), code.toLowerCase(), ` ${code} `, code.replace(/0/g, 'o')])(
    'takes %j',
    (typedCode) => {
      expect(checkActivationCode({ serial, typedCode, storedHash }, peppers)).toEqual({
        matches: true,
        upgradedHash: undefined,
      });
    },
  );

  it.each([
    ['another code', serial, generateActivationCode((n) => Buffer.alloc(n, 0x11))],
    ['another board', 'N4K-000124', code],
    ['nothing', serial, ''],
    ['text of no code', serial, '☃'.repeat(40)],
  ])('refuses %s', (_, typedSerial, typedCode) => {
    expect(checkActivationCode({ serial: typedSerial, typedCode, storedHash }, peppers)).toEqual({
      matches: false,
    });
  });

  it('never matches an unknown device', () => {
    const attempt = { serial, typedCode: code, storedHash: undefined };
    expect(checkActivationCode(attempt, peppers)).toEqual({ matches: false });
  });

  it('moves a hash under an older pepper to the current one', () => {
    const old = hashActivationDigest(digest, { ...peppers, currentId: 'p1' });
    expect(checkActivationCode({ serial, typedCode: code, storedHash: old }, peppers)).toEqual({
      matches: true,
      upgradedHash: storedHash,
    });
  });

  it.each(['ABCDEF012345', 'OUILS0000001', code])('upgrades the imported hash of %s', (legacyCode) => {
    const imported = `sha256$${createHash('sha256').update(legacyCode).digest('hex')}`;
    const typedCode = legacyCode.toLowerCase();
    const first = checkActivationCode({ serial, typedCode, storedHash: imported }, peppers);
    if (!first.matches || first.upgradedHash === undefined) throw new Error('not upgraded');
    expect(first.upgradedHash).toMatch(/^hmac-sha256\$p2\$/);
    expect(checkActivationCode({ serial, typedCode, storedHash: first.upgradedHash }, peppers)).toEqual({
      matches: true,
      upgradedHash: undefined,
    });
    expect(
      checkActivationCode({ serial, typedCode: 'ABCDEF012346', storedHash: imported }, peppers).matches,
    ).toBe(false);
  });

  it('knows the digest of a stored hash', () => {
    expect(matchesActivationDigest(digest, storedHash, peppers)).toBe(true);
    expect(matchesActivationDigest('0'.repeat(64), storedHash, peppers)).toBe(false);
    expect(matchesActivationDigest(digest, `sha256$${digest}`, peppers)).toBe(false);
  });

  it('says so when a pepper was removed or a row is of no known kind', () => {
    const foreign = `hmac-sha256$gone$${'0'.repeat(64)}`;
    expect(() => checkActivationCode({ serial, typedCode: code, storedHash: foreign }, peppers)).toThrow(
      /gone/,
    );
    expect(() => checkActivationCode({ serial, typedCode: code, storedHash: 'md5$1' }, peppers)).toThrow(
      /kind/,
    );
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  activationCodeDigest,
  formatActivationCode,
  generateActivationCode,
  readActivationCode,
} from './activation-code.ts';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Deterministic bytes, so that a failure can be looked at again. */
const bytesFrom = (seed: string) => (count: number) =>
  createHash('sha512').update(seed).digest().subarray(0, count);

const codes = Array.from({ length: 8 }, (_, i) => generateActivationCode(bytesFrom(`code ${i}`)));

const replaceAt = (code: string, position: number, symbol: string) =>
  code.slice(0, position) + symbol + code.slice(position + 1);

describe('activation codes', () => {
  it('are 18 symbols, printed in three groups', () => {
    expect(generateActivationCode(() => new Uint8Array(16))).toBe('0'.repeat(18));
    for (const code of codes) {
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{18}$/);
      expect(formatActivationCode(code)).toMatch(/^.{6}-.{6}-.{6}$/);
      expect(readActivationCode(formatActivationCode(code))).toEqual({ ok: true, code, legacy: false });
    }
  });

  it('carry all 80 random bits: each symbol takes each value', () => {
    const seen = Array.from({ length: 16 }, () => new Set<string>());
    for (let i = 0; i < 2_000; i++) {
      const code = generateActivationCode(randomBytes);
      for (const [position, values] of seen.entries()) values.add(code[position] ?? '');
    }
    for (const values of seen) expect(values.size).toBe(32);
  });

  it('catch every error in one symbol, and name the right code', () => {
    for (const code of codes) {
      for (let position = 0; position < 18; position++) {
        for (const symbol of alphabet.replace(code[position] ?? '', '')) {
          expect(readActivationCode(replaceAt(code, position, symbol))).toEqual({
            ok: false,
            reason: 'check',
            suggestion: code,
          });
        }
      }
    }
  });

  /** Every way of reading two symbols of a code wrongly: 153 pairs of places, 31 × 31 wrong symbols. */
  function* twoErrorsIn(code: string): Generator<string> {
    for (let first = 0; first < 17; first++) {
      for (let second = first + 1; second < 18; second++) {
        for (const a of alphabet.replace(code[first] ?? '', '')) {
          const once = replaceAt(code, first, a);
          for (const b of alphabet.replace(code[second] ?? '', '')) yield replaceAt(once, second, b);
        }
      }
    }
  }

  // A linear code: whether an error is caught does not depend on the code. The samples guard the arithmetic: zeros (no
  // logarithms), the highest symbols, and random ones.
  it.each([
    ['of zeros', '0'.repeat(18)],
    ['of the highest symbols', generateActivationCode((count) => new Uint8Array(count).fill(31))],
    ['of random symbols', codes[0] ?? ''],
    ['of other random symbols', codes[1] ?? ''],
  ])('catch every error in two symbols, in a code %s', (_, code) => {
    let read = 0;
    let undetected = 0;
    let wrongSuggestions = 0;
    let suggestions = 0;
    for (const typed of twoErrorsIn(code)) {
      read += 1;
      const reading = readActivationCode(typed);
      if (reading.ok) {
        undetected += 1;
        continue;
      }
      const { suggestion } = reading;
      if (suggestion === undefined) continue;
      suggestions += 1;
      // One symbol away from what was typed, hence never the code that was meant: why it is asked, not taken.
      const distance = Array.from(typed).filter((symbol, index) => symbol !== suggestion[index]).length;
      if (suggestion === code || distance !== 1) wrongSuggestions += 1;
    }
    expect({ read, undetected, wrongSuggestions }).toEqual({
      read: 153 * 31 * 31,
      undetected: 0,
      wrongSuggestions: 0,
    });
    // The syndromes name one of 31 places, evenly but for the two wrong ones; 16 more exist in a code of 18.
    expect(suggestions).toBe((read * 16) / 31);
  });

  it('give suggestions that are codes themselves', () => {
    for (const code of codes.slice(0, 2))
      for (const typed of twoErrorsIn(code)) {
        const reading = readActivationCode(typed);
        if (!reading.ok && reading.suggestion !== undefined && !readActivationCode(reading.suggestion).ok)
          throw new Error(`${typed}: the suggestion ${reading.suggestion} is no code`);
      }
  });

  it('catch two wrong symbols of any code', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.uniqueArray(fc.nat(17), { minLength: 2, maxLength: 2 }),
        fc.tuple(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 1, max: 31 })),
        (code, positions, shifts) => {
          const wrong = positions.reduce((text, position, i) => {
            const value = alphabet.indexOf(text[position] ?? '');
            return replaceAt(text, position, alphabet[(value + (shifts[i] ?? 0)) % 32] ?? '');
          }, code);
          expect(readActivationCode(wrong).ok).toBe(false);
        },
      ),
    );
  });

  it('catch symbols that changed places, neighbours or one apart', () => {
    for (const code of codes) {
      for (const distance of [1, 2]) {
        for (let i = 0; i + distance < 18; i++) {
          const [a = '', b = ''] = [code[i], code[i + distance]];
          const swapped = replaceAt(replaceAt(code, i, b), i + distance, a);
          expect(readActivationCode(swapped).ok).toBe(a === b);
        }
      }
    }
  });

  it('are read as people type them', () => {
    const code = generateActivationCode(bytesFrom('typed'));
    const likeLetters = code.replace(/0/g, 'o').replace(/1/g, 'l').toLowerCase();
    for (const typed of [
      code.toLowerCase(),
      formatActivationCode(code),
      ` ${formatActivationCode(code).replaceAll('-', ' - ')}\n`,
      likeLetters,
      code.replace(/1/g, 'I').replace(/0/g, 'O'),
    ])
      expect(readActivationCode(typed)).toEqual({ ok: true, code, legacy: false });
  });

  it('of the old kind have 12 symbols and no check', () => {
    expect(readActivationCode('abcd-efgh-jkmo')).toEqual({ ok: true, code: 'ABCDEFGHJKM0', legacy: true });
  });

  it('are refused with a reason, whatever is typed', () => {
    expect(readActivationCode('')).toEqual({ ok: false, reason: 'length' });
    expect(readActivationCode('0'.repeat(17))).toEqual({ ok: false, reason: 'length' });
    expect(readActivationCode('U'.repeat(18))).toEqual({ ok: false, reason: 'symbol' });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        const reading = readActivationCode(typed);
        if (reading.ok) expect(reading.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{12}(.{6})?$/);
        else expect(['length', 'symbol', 'check']).toContain(reading.reason);
      }),
      { numRuns: 500 },
    );
  });

  it('have a digest of domain, serial and code', () => {
    // printf 'aovis-activation-code-v1\0N4K-000123\000123456789ABCDEFGF6\0' | sha256sum
    expect(activationCodeDigest('N4K-000123', '123456789ABCDEFGF6')).toBe(
      '1e860fa2232e51751f967db70f7b76970b260406380ead85daae7a9a5c8fbbc9',
    );
    expect(activationCodeDigest('N4K-000124', '123456789ABCDEFGF6')).not.toBe(
      activationCodeDigest('N4K-000123', '123456789ABCDEFGF6'),
    );
  });
});

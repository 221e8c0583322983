import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findAmbiguity } from './ambiguity.ts';
import { numbersAsText, parseLossless } from './lossless-json.ts';
import { isSignature, sameSignature, sign, signNotification } from './signature.ts';

const secret = 'a1b1c1d1';
const read = (json: string) => parseLossless(json) as Record<string, unknown>;
/** SHA-1 of a source written down by hand. */
const digestOf = (source: string) => createHash('sha1').update(source, 'utf8').digest('hex').toUpperCase();

/** The example of the carrier's own documentation, "sign". */
const golden = {
  parameters: { appkey: '000001', timestamp: 1556595508, nonce: 24523, userName: 'wx', age: 24, sex: 1 },
  sign: '963A56BAEBED746F2746E4D9B3B77BE0F2E171E7',
};

describe('the signature', () => {
  it('is that of the carrier’s documentation', () => {
    expect(sign(golden.parameters, secret)).toBe(golden.sign);
    expect(sign(read(JSON.stringify(golden.parameters)), secret)).toBe(golden.sign);
  });

  it('leaves out appkey when the carrier notifies', () => {
    const { appkey: _, ...rest } = golden.parameters;
    expect(signNotification(golden.parameters, secret)).toBe(sign(rest, secret));
    expect(signNotification(golden.parameters, secret)).not.toBe(golden.sign);
  });

  it.each([
    ['{"a":"1","sign":"X"}', 'a=1&secret=s', 'sign itself'],
    ['{"a":null,"b":"","c":[],"d":0,"e":false,"f":"0"}', 'd=0&e=false&f=0&secret=s', 'only what is empty'],
    ['{"b":"1","a":"2","B":"3"}', 'B=3&a=2&b=1&secret=s', 'names in the order of bytes'],
    ['{"ｚ":"1","𝒜":"2"}', 'ｚ=1&𝒜=2&secret=s', 'bytes of UTF-8, not of UTF-16'],
    ['{"n":9007199254740993}', 'n=9007199254740993&secret=s', 'integers beyond 2^53'],
    ['{"n":1.00,"m":-0,"e":1E3}', 'e=1E3&m=-0&n=1.00&secret=s', 'numbers as they were written'],
    [
      '{"d": {"z": 1.50, "a": "\\u4e2d\\/x", "l": [1, {"k": null}]}}',
      'd={"z":1.50,"a":"中/x","l":[1,{"k":null}]}&secret=s',
      'objects compact, in their own order, nothing escaped',
    ],
    ['{}', 'secret=s', 'nothing at all'],
  ])('of %s covers %s (%s)', (json, source) => {
    expect(sign(read(json), 's')).toBe(digestOf(source));
  });

  it.each([
    ['A'.repeat(40), true],
    ['a'.repeat(40), true],
    ['', false],
    ['A'.repeat(39), false],
    ['A'.repeat(41), false],
    ['G'.repeat(40), false],
    [`${'A'.repeat(40)}\n`, false],
    ['Ａ'.repeat(40), false],
    [undefined, false],
    [40, false],
  ])('%j can be one: %s', (text, can) => {
    expect(isSignature(text)).toBe(can);
  });

  it('is compared without regard to case', () => {
    expect(sameSignature(golden.sign, golden.sign.toLowerCase())).toBe(true);
    expect(sameSignature(golden.sign, golden.sign.replace('9', '8'))).toBe(false);
  });
});

describe('a message split anew', () => {
  it('has the same signature, which is why it must be found out', () => {
    const honest = { refundAmount: '1.00', zz: '2' };
    const forged = { refundAmount: '1.00&zz=2' };
    expect(sign(forged, secret)).toBe(sign(honest, secret));
    expect(findAmbiguity(honest)).toBeUndefined();
    expect(findAmbiguity(forged)).toBe('body.refundAmount');
    expect(findAmbiguity({ 'a=1&b': '2' })).toBe('body');
    expect(findAmbiguity({ data: [{ x: 'ok' }, { x: '&' }] })).toBe('body.data.1.x');
  });

  it('is refused whatever was signed: two messages that pass and sign alike say the same', () => {
    const name = fc.stringMatching(/^[a-z]{1,2}$/);
    const value = fc.stringMatching(/^[a-z0-9&=]{1,6}$/);
    const message = fc.dictionary(name, value, { minKeys: 1, maxKeys: 4 });
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(), (honest, cut, length) => {
        // A new cut through the very text that was signed.
        const source = Object.entries(honest)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, text]) => `${key}=${text}`)
          .join('&');
        const parts = source.split('&');
        const start = cut % parts.length;
        const joined = [
          ...parts.slice(0, start),
          parts.slice(start, start + 1 + (length % (parts.length - start))).join('&'),
          ...parts.slice(start + 1 + (length % (parts.length - start))),
        ];
        const forged = Object.fromEntries(
          joined.map((part) => [
            part.slice(0, Math.max(part.indexOf('='), 1)),
            part.slice(part.indexOf('=') + 1),
          ]),
        );
        if (sign(forged, secret) !== sign(honest, secret)) return;
        if (findAmbiguity(honest) === undefined && findAmbiguity(forged) === undefined)
          expect(forged).toEqual(honest);
      }),
      { numRuns: 2_000 },
    );
  });
});

it('reads numbers as the digits they were written with', () => {
  fc.assert(
    fc.property(fc.bigInt(), (integer) => {
      const json = `{"n":${integer},"l":[${integer}]}`;
      const value = parseLossless(json);
      expect(JSON.stringify(value)).toBe(json);
      expect(numbersAsText(value)).toEqual({ n: String(integer), l: [String(integer)] });
    }),
  );
});

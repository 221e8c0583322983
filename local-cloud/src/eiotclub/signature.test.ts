import { createHash } from 'node:crypto';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSigned, signMessage, signText } from './signature.ts';

const secret = 'a1b1c1d1';
const sha1 = (source: string) => createHash('sha1').update(source, 'utf8').digest('hex').toUpperCase();

it("gives the signature of the platform's own example", () => {
  const call =
    '{"appkey":"000001","timestamp":1556595508,"nonce":24523,"userName":"wx","age":24,"sex":1,"sign":"x"}';
  expect(signText(call, secret)).toBe('963A56BAEBED746F2746E4D9B3B77BE0F2E171E7');
});

it.each([
  [
    'leaves out what is empty, but neither 0 nor false',
    '{"b":0,"a":"","c":null,"d":[],"e":false}',
    'b=0&e=false',
  ],
  ['sorts by bytes, capitals first', '{"b":1,"B":2,"_":3,"a":4}', 'B=2&_=3&a=4&b=1'],
  ['keeps numbers as they were written', '{"n":9007199254740993,"f":1.50}', 'f=1.50&n=9007199254740993'],
  [
    'writes nested values compactly, in the order they came',
    '{"data": {"z": 9007199254740993, "a": ["套餐", "a/b"]}}',
    'data={"z":9007199254740993,"a":["套餐","a/b"]}',
  ],
])('%s', (_name, json, source) => {
  expect(signText(json, secret)).toBe(sha1(`${source}&secret=${secret}`));
});

it('accepts what it signed, and nothing that is not a signature', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), (message) => {
      const signed = signMessage(message, secret);
      const { sign } = JSON.parse(signed) as { sign: string };
      expect(isSigned(signed, sign, secret)).toBe(true);
      expect(isSigned(signed, sign, 'other')).toBe(false);
      for (const wrong of ['', sign.slice(1), `${sign}0`, sign.toLowerCase().replaceAll(/\d/g, 'g'), 7, null])
        expect(isSigned(signed, wrong, secret)).toBe(false);
    }),
  );
});

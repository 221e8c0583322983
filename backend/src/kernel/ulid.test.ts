import { ulidSchema } from '@aovis/contracts/ids';
import { expect, it } from '@jest/globals';
import { ulidOf } from './ulid.ts';

it.each([
  // The specification's own time, and both ends of the range.
  [1_469_918_176_385, 0x00, '01ARYZ6S410000000000000000'],
  [1_469_918_176_385, 0xff, '01ARYZ6S41ZZZZZZZZZZZZZZZZ'],
  [0, 0x00, '00000000000000000000000000'],
  [2 ** 48 - 1, 0xff, '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'],
])('writes %i ms', (ms, byte, expected) => {
  // No Date lies as far as the last of them.
  const at = { getTime: () => ms } as Date;
  const ulid = ulidOf(at, new Uint8Array(10).fill(byte));
  expect(ulid).toBe(expected);
  expect(ulidSchema.safeParse(ulid).success).toBe(true);
});

it('takes no fewer random bytes', () => {
  expect(() => ulidOf(new Date(), new Uint8Array(9))).toThrow('10 random bytes');
});

import { describe, expect, it } from '@jest/globals';
import {
  certificateIdSchema,
  channelNameOf,
  deviceIdOf,
  deviceIdSchema,
  iccidSchema,
  luhnValid,
  maskIccid,
  modelCodeSchema,
  modelOf,
  serialOf,
  serialSchema,
  streamNameOf,
  ulidSchema,
} from './ids.ts';

it('derives every name of a board from its serial, and the serial back', () => {
  const id = deviceIdOf('N4K-000123');
  expect([id, serialOf(id), modelOf(id), streamNameOf(id), channelNameOf(id)]).toEqual([
    'aovis-n4k-000123',
    'N4K-000123',
    'n4k',
    'aovis-stream-aovis-n4k-000123',
    'aovis-webrtc-aovis-n4k-000123',
  ]);
});

describe('what is and is not', () => {
  it.each([
    [modelCodeSchema, ['n4k', 'ab', 'abcdefgh'], ['N4K', 'a', 'abcdefghi', 'n-4', '']],
    [serialSchema, ['N4K-000123'], ['n4k-000123', 'N4K-123', 'N4K000123', 'N4K-000123\n']],
    [deviceIdSchema, ['aovis-n4k-000123'], ['aovis-N4K-000123', 'n4k-000123', 'aovis-n4k-000123/x', '../x']],
    [certificateIdSchema, ['a1'.repeat(32)], ['A1'.repeat(32), 'a1'.repeat(31), 'g'.repeat(64)]],
    [
      ulidSchema,
      ['01ARZ3NDEKTSV4RRFFQ69G5FAV'],
      ['81ARZ3NDEKTSV4RRFFQ69G5FAV', '01ARZ3NDEKTSV4RRFFQ69G5FAU', ''],
    ],
  ])('schema %#', (schema, good, bad) => {
    for (const text of good) expect(schema.safeParse(text).success).toBe(true);
    for (const text of bad) expect(schema.safeParse(text).success).toBe(false);
  });
});

describe('a SIM card number', () => {
  it('has a final Luhn digit when it has 19 or 20 digits, and need not when it has 18', () => {
    const body = '894420001234567890';
    const valid = Array.from('0123456789', (digit) => body + digit).filter(luhnValid);
    expect(valid).toHaveLength(1);
    expect(iccidSchema.safeParse(body).success).toBe(true);
    expect(iccidSchema.safeParse(valid[0]).success).toBe(true);
    for (const digit of '0123456789')
      expect(iccidSchema.safeParse(body + digit).success).toBe(body + digit === valid[0]);
  });

  it('computes Luhn as in the annex', () => {
    // The worked example of ISO/IEC 7812-1, account 7992739871 with check digit 3.
    expect(luhnValid('79927398713')).toBe(true);
    expect(luhnValid('79927398710')).toBe(false);
  });

  it('is masked but for its ends', () => {
    expect(maskIccid('89860012345678901234')).toBe('8986************1234');
    expect(maskIccid('898600123456789012')).toHaveLength(18);
  });
});

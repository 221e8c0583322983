import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clipPictures } from '../../streaming/testing/pictures.ts';
import { h264Payloads } from './h264-payloads.ts';

/** A receiver, as RFC 6184 describes it, that shares nothing with the sender. */
function depacketize(payloads: readonly Buffer[]): Buffer[] {
  const nalUnits: Buffer[] = [];
  let open: Buffer[] | undefined;
  for (const payload of payloads) {
    const [first = 0, second = 0] = payload;
    const type = first & 31;
    if (type === 24) {
      for (let at = 1; at < payload.length; ) {
        const length = payload.readUInt16BE(at);
        nalUnits.push(payload.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
    } else if (type === 28) {
      if ((second & 0x80) !== 0) open = [Buffer.of((first & 0xe0) | (second & 31))];
      if (open === undefined) throw new Error('A fragment without a start.');
      open.push(payload.subarray(2));
      if ((second & 0x40) !== 0) {
        nalUnits.push(Buffer.concat(open));
        open = undefined;
      }
    } else nalUnits.push(payload);
  }
  if (open !== undefined) throw new Error('A fragment without an end.');
  return nalUnits;
}

describe('the payloads of a picture', () => {
  it('is a NAL unit as it is, when there is one and it fits', () => {
    expect(h264Payloads([Buffer.from('41aabb', 'hex')])).toEqual([Buffer.from('41aabb', 'hex')]);
  });

  it('aggregates small ones into a STAP-A of the greatest importance (RFC 6184, figure 7)', () => {
    const [sps, pps, sei] = ['6742', '68ce', '0605'].map((hex) => Buffer.from(hex, 'hex')) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    expect(h264Payloads([sei, sps, pps])).toEqual([Buffer.from('7800020605000267420002' + '68ce', 'hex')]);
  });

  it('cuts large ones into FU-A with start and end (RFC 6184, section 5.8)', () => {
    expect(h264Payloads([Buffer.from('650102030405', 'hex')], 4)).toEqual([
      Buffer.from('7c850102', 'hex'),
      Buffer.from('7c050304', 'hex'),
      Buffer.from('7c4505', 'hex'),
    ]);
  });

  it('leaves out NAL units without a byte', () => {
    expect(h264Payloads([Buffer.alloc(0)])).toEqual([]);
  });

  it('gives every real picture back, none above the limit', () => {
    for (const { nalUnits } of clipPictures()) {
      const payloads = h264Payloads(nalUnits);
      expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(1_180);
      expect(Buffer.concat(depacketize(payloads)).equals(Buffer.concat(nalUnits))).toBe(true);
    }
  });

  it('gives back whatever NAL units there are, at every limit', () => {
    const nalUnit = fc
      .tuple(
        fc.integer({ min: 1, max: 23 }),
        fc.integer({ min: 0, max: 3 }),
        fc.uint8Array({ maxLength: 60 }),
      )
      .map(([type, importance, rest]) => Buffer.concat([Buffer.of((importance << 5) | type), rest]));
    fc.assert(
      fc.property(
        fc.array(nalUnit, { maxLength: 12 }),
        fc.integer({ min: 3, max: 80 }),
        (nalUnits, limit) => {
          const payloads = h264Payloads(nalUnits, limit);
          expect(payloads.every(({ length }) => length <= limit)).toBe(true);
          expect(depacketize(payloads)).toEqual(nalUnits);
        },
      ),
    );
  });
});

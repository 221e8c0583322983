import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AnnexBSplitter } from './annex-b-splitter.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function split(chunks: Buffer[]): string[] {
  const splitter = new AnnexBSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(chunk, 0)), ...splitter.flush()].map(({ nalUnit }) =>
    nalUnit.toString('hex'),
  );
}

it('takes start codes of 3 and 4 bytes and the zeros around them off', () => {
  expect(split([hex('000000 01 09f0 000001 67aa 00 00000001 68bb 0000 000001 65cc')])).toEqual([
    '09f0',
    '67aa',
    '68bb',
    '65cc',
  ]);
});

it('gives a NAL unit once the next start code is seen, with the time of its own', () => {
  const splitter = new AnnexBSplitter();
  expect(splitter.push(hex('000001 65'), 10)).toEqual([]);
  expect(splitter.push(hex('aabb'), 20)).toEqual([]);
  expect(splitter.push(hex('000001 41'), 30)).toEqual([{ nalUnit: hex('65aabb'), timestampMs: 10 }]);
  expect(splitter.flush()).toEqual([{ nalUnit: hex('41'), timestampMs: 30 }]);
});

it('drops what comes before the first start code', () => {
  expect(split([hex('ff00ff'), hex('0000'), hex('01 65')])).toEqual(['65']);
});

it('refuses a stream without start codes before it fills the memory', () => {
  const splitter = new AnnexBSplitter({ maxNalBytes: 100_000 });
  splitter.push(hex('000001 65'), 0);
  const feed = (): void => {
    for (let i = 0; i < 20; i++) splitter.push(Buffer.alloc(60_000, 0xff), 0);
  };
  expect(feed).toThrow('bytes without a start code; the camera does not deliver Annex B.');
});

/** NAL units as encoders write them: emulation prevention keeps 00 00 00 to 00 00 02 out, the last byte is not 0. */
const nalUnit = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => hex(`${Buffer.from(bytes).toString('hex').replaceAll('00', '03')}80`));

it('gives back any NAL units, however the bytes are cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(nalUnit, fc.boolean()), { minLength: 1, maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 20 }),
      (nalUnits, sizes) => {
        const stream = Buffer.concat(
          nalUnits.flatMap(([unit, long]) => [hex(long ? '00000001' : '000001'), unit]),
        );
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length] as number;
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(split(chunks)).toEqual(nalUnits.map(([unit]) => unit.toString('hex')));
      },
    ),
  );
});

import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clipPath, clipPictures } from '../streaming/testing/pictures.ts';
import type { AccessUnit } from './access-unit.ts';
import { AccessUnitParser } from './access-unit-parser.ts';
import { nalTypeOf } from './nal-unit.ts';

const startCode = Buffer.from([0, 0, 0, 1]);
const pictures = clipPictures();
const [idr, predicted] = pictures as [AccessUnit, AccessUnit];
const [sps, pps] = idr.nalUnits as [Buffer, Buffer];
const idrSlice = idr.nalUnits.at(-1) as Buffer;
const slice = predicted.nalUnits.at(-1) as Buffer;

function parse(...nalUnits: Buffer[]): AccessUnit[] {
  const parser = new AccessUnitParser();
  const stream = Buffer.concat(nalUnits.flatMap((nalUnit) => [startCode, nalUnit]));
  return [...parser.push(stream, 1_000), ...parser.flush()];
}

const types = (accessUnit: AccessUnit | undefined): number[] => accessUnit?.nalUnits.map(nalTypeOf) ?? [];

it('finds 120 pictures in the bundled clip, a keyframe each second', () => {
  expect(pictures).toHaveLength(120);
  expect(pictures.flatMap(({ keyframe }, index) => (keyframe ? [index] : []))).toEqual([
    0, 15, 30, 45, 60, 75, 90, 105,
  ]);
  expect(types(pictures[0])).toEqual([7, 8, 5]);
  expect(types(pictures[1])).toEqual([1]);
  expect(new Set(pictures.map(({ parameterSets }) => parameterSets)).size).toBe(1);
});

it('gives the same pictures for any chunks', () => {
  const stream = readFileSync(clipPath).subarray(0, 60_000);
  const whole = new AccessUnitParser();
  const expected = [...whole.push(stream, 0), ...whole.flush()];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_000 }), (size) => {
      const parser = new AccessUnitParser();
      const found: AccessUnit[] = [];
      for (let at = 0; at < stream.length; at += size)
        found.push(...parser.push(stream.subarray(at, at + size), 0));
      expect([...found, ...parser.flush()]).toEqual(expected);
    }),
    { numRuns: 15 },
  );
});

it('needs no delimiters: the first macroblock begins a picture', () => {
  expect(parse(sps, pps, idrSlice, slice, slice).map(types)).toEqual([[7, 8, 5], [1], [1]]);
});

it('keeps the slices of one picture together', () => {
  // A slice with first_mb_in_slice 3: 00100 in Exp-Golomb.
  const later = Buffer.concat([slice.subarray(0, 1), Buffer.from([0b0010_0111]), slice.subarray(2)]);
  expect(parse(sps, pps, idrSlice, slice, later).map(types)).toEqual([
    [7, 8, 5],
    [1, 1],
  ]);
});

it('repeats the parameter sets of an encoder that sends them once', () => {
  const found = parse(sps, pps, idrSlice, slice, idrSlice);
  expect(found.map(types)).toEqual([[7, 8, 5], [1], [7, 8, 5]]);
  expect(found[2]?.nalUnits.slice(0, 2)).toEqual([sps, pps]);
});

it('waits for the first keyframe whose parameter sets are known', () => {
  expect(parse(slice, idrSlice, slice, sps, pps, slice, idrSlice).map(types)).toEqual([[7, 8, 5]]);
});

it('leaves delimiters and filler out and keeps SEI', () => {
  const delimiter = Buffer.from('09f0', 'hex');
  const filler = Buffer.from('0cffff80', 'hex');
  const sei = Buffer.from('0605018080', 'hex');
  expect(parse(delimiter, sps, pps, sei, idrSlice, filler, delimiter, slice).map(types)).toEqual([
    [7, 8, 6, 5],
    [1],
  ]);
});

it('marks B pictures', () => {
  // first_mb_in_slice 0, slice_type 6: 1 00111.
  const b = Buffer.from([0x01, 0b1001_1110, 0x80]);
  expect(parse(sps, pps, idrSlice, b).map(({ bidirectional }) => bidirectional)).toEqual([false, true]);
});

it('stamps a picture with the time its first byte came in', () => {
  const parser = new AccessUnitParser();
  const feed = (nalUnit: Buffer, at: number): AccessUnit[] =>
    parser.push(Buffer.concat([startCode, nalUnit]), at);
  const found = [
    ...feed(sps, 10),
    ...feed(pps, 11),
    ...feed(idrSlice, 12),
    ...feed(slice, 50),
    ...parser.flush(),
  ];
  expect(found.map(({ timestampMs }) => timestampMs)).toEqual([10, 50]);
});

it('survives any bytes', () => {
  const noise = fc.array(fc.oneof(fc.constant(Buffer.from([0, 0, 1])), fc.uint8Array({ maxLength: 20 })), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(noise, (chunks) => {
      const parser = new AccessUnitParser();
      for (const chunk of [startCode, sps, startCode, pps, ...chunks]) parser.push(chunk, 0);
      parser.flush();
    }),
  );
});

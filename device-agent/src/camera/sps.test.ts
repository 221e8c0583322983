import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clipPictures } from '../streaming/testing/pictures.ts';
import { findPictureFormat, readSps } from './sps.ts';

it('reads the bundled clip', () => {
  const [first] = clipPictures();
  expect(findPictureFormat(first?.parameterSets ?? { sps: [], pps: [] })).toMatchObject({
    profileIdc: 66,
    levelIdc: 31,
    width: 1280,
    height: 720,
    fps: 15,
  });
});

it('takes the cropping of 1080 lines off, in a high profile SPS of x264', () => {
  const sps = Buffer.from('67640028acd940780227e5c044000003000400000300f03c60c658', 'hex');
  expect(readSps(sps)).toEqual({
    profileIdc: 100,
    constraintFlags: 0,
    levelIdc: 40,
    chromaFormat: 1,
    bitDepthLuma: 8,
    bitDepthChroma: 8,
    width: 1920,
    height: 1080,
    fps: 30,
  });
});

it('fails on damaged sets with a RangeError only', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readSps(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
});

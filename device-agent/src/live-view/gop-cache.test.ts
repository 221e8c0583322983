import { expect, it } from '@jest/globals';
import { clipPictures } from '../streaming/testing/pictures.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { GopCache } from './gop-cache.ts';

const pictures = clipPictures();
const filled = (from: number, to: number, clock = new FakeClock()): GopCache => {
  const cache = new GopCache(clock);
  for (const picture of pictures.slice(from, to)) cache.push(picture);
  return cache;
};

it('holds the pictures from the latest keyframe on', () => {
  expect(filled(0, 18).pictures).toEqual(pictures.slice(15, 18));
});

it('holds nothing before the first keyframe', () => {
  expect(filled(3, 8).pictures).toEqual([]);
});

it('holds no more than is worth sending', () => {
  const cache = filled(0, 1);
  const [, delta] = pictures;
  if (delta === undefined) throw new Error('no picture');
  for (let i = 0; i < 600; i++) cache.push(delta);
  expect(cache.pictures).toEqual([]);
  for (const picture of pictures.slice(15, 17)) cache.push(picture);
  expect(cache.pictures).toHaveLength(2);
});

it('does not show what the camera saw before it rested', async () => {
  const clock = new FakeClock();
  const cache = filled(0, 5, clock);
  await clock.advance(3_001);
  expect(cache.pictures).toEqual([]);
});

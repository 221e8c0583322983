import { expect, it } from '@jest/globals';
import { sameIccid } from './iccid.ts';

it.each([
  ['8944500102198304826', '8944500102198304826', true],
  ['894450010219830482', '8944500102198304826', true],
  ['8944500102198304826', '894450010219830482', true],
  ['894450010219830482', '8944500102198304827', false],
  ['8944500102198304826', '8944500102198304834', false],
  ['', '8944500102198304826', false],
])('%s and %s name one card: %s', (a, b, same) => {
  expect(sameIccid(a, b)).toBe(same);
});

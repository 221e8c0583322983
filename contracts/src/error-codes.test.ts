import { expect, it } from '@jest/globals';
import { type ErrorCode, errorCodes, publicMessageOf, statusOf } from './error-codes.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];

it.each(codes)('%s has a 4xx or 5xx status and a sentence for people', (code) => {
  expect(code).toMatch(/^[a-z][a-z_]+$/);
  expect(statusOf(code)).toBeGreaterThanOrEqual(400);
  expect(statusOf(code)).toBeLessThan(600);
  expect(publicMessageOf(code)).toMatch(/^[A-Z].*\.$/);
});

it('tells nobody whether the device or its code was wrong, nor that a device of somebody else exists', () => {
  expect(publicMessageOf('invalid_activation_code')).toMatch(/device id or the activation code/);
  expect(statusOf('device_not_found')).toBe(404);
});

it('says the same of no two codes', () => {
  expect(new Set(codes.map(publicMessageOf)).size).toBe(codes.length);
});

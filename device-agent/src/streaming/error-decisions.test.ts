import { expect, it } from '@jest/globals';
import { decideErrorId, decideHttpError } from './error-decisions.ts';

it.each([
  [4000, 'resend'],
  [4001, 'skip'],
  [4002, 'skip'],
  [4003, 'resend'],
  [4004, 'skip'],
  [4005, 'stop'],
  [4006, 'skip'],
  [4007, 'skip'],
  [4008, 'stop'],
  [4009, 'skip'],
  [4010, 'skip'],
  [4011, 'skip'],
  [4012, 'stop'],
  [4500, 'stop'],
  [4501, 'stop'],
  [4502, 'stop'],
  [4503, 'resend'],
  [4504, 'stop'],
  [4505, 'stop'],
  [4506, 'stop'],
  [4507, 'stop'],
  [5000, 'rediscover'],
  [5001, 'resend'],
  [9999, 'resend'],
  [undefined, 'resend'],
])('decides ErrorId %s: %s', (id, decision) => {
  const decided = decideErrorId(id, 'NEW_CODE');
  expect(decided.decision).toBe(decision);
  expect(decided.name).toMatch(/^[A-Z_0-9]+$/);
  expect(decided.advice).toMatch(/\.$/);
});

it.each([
  [400, 'ConnectionLimitExceededException', 'resend'],
  [400, 'ClientLimitExceededException', 'resend'],
  [400, 'InvalidEndpointException', 'rediscover'],
  [400, 'InvalidArgumentException', 'stop'],
  [400, undefined, 'resend'],
  [401, 'NotAuthorizedException', 'stop'],
  [403, undefined, 'stop'],
  [403, 'ExpiredTokenException', 'renew'],
  [403, 'UnrecognizedClientException', 'renew'],
  [404, 'ResourceNotFoundException', 'rediscover'],
  [404, undefined, 'rediscover'],
  [500, undefined, 'resend'],
  [503, 'ServiceUnavailable', 'resend'],
])('decides HTTP %s %s: %s', (status, exception, decision) => {
  expect(decideHttpError(status, exception).decision).toBe(decision);
});

import { expect, it } from '@jest/globals';
import { readEmail } from './email.ts';

it.each([
  ['Anna@Example.COM', 'anna@example.com'],
  ['  anna+cam@example.com\t', 'anna+cam@example.com'],
])('%j is %j', (typed, known) => {
  expect(readEmail(typed)).toBe(known);
});

it.each([
  '',
  'anna',
  'anna@',
  'a b@example.com',
  'anna@example.com\0',
  '\u212aate@example.com',
  'ann\u0131@example.com',
  '\ud800@example.com',
  'anna@ex\u00e4mple.com',
  `${'a'.repeat(250)}@example.com`,
])('%j is no address', (typed) => {
  expect(readEmail(typed)).toBeUndefined();
});

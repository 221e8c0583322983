import { expect, it } from '@jest/globals';
import { AppError } from './errors.ts';
import { redact } from './redact.ts';

it('blanks fields that hold secrets by their name, at any depth', () => {
  const fields = {
    headers: { Authorization: 'Bearer abc', cookie: 'a=b', accept: 'text/html' },
    body: [{ id_token: 'x', refresh_token: 'y', activation_code: 'z', iccid: '8944', email_sent: true }],
    tokens: null,
  };
  expect(redact(fields)).toEqual({
    headers: { Authorization: '[redacted]', cookie: '[redacted]', accept: 'text/html' },
    body: [
      {
        id_token: '[redacted]',
        refresh_token: '[redacted]',
        activation_code: '[redacted]',
        iccid: '[redacted]',
        email_sent: true,
      },
    ],
    tokens: null,
  });
});

it.each([
  ['jwt eyJhbGciOi.eyJzdWIi.c2ln tail', 'jwt [redacted] tail'],
  ['sent Bearer s3cr3t-t0ken', 'sent Bearer [redacted]'],
  ['connect postgres://aovis:pa:ss@h/d', 'connect postgres://aovis:[redacted]@h/d'],
  [
    `Unexpected token 'c', "c4n"ry..." is not valid JSON`,
    `Unexpected token 'c', [redacted] is not valid JSON`,
  ],
  ['sim 8986001234567890123', 'sim [redacted]'],
])('blanks secrets inside a text: %s', (text, clean) => {
  expect(redact(text)).toBe(clean);
});

it('writes errors out with their causes, cleaned, and without PostgreSQL’s row quotes', () => {
  const cause = Object.assign(new Error('failed for postgres://u:pw@h/d'), {
    code: '23505',
    detail: 'Key (email)=(a@b.c)',
  });
  const plain = JSON.stringify(redact({ error: new AppError('internal_error', { cause }) }));
  expect(plain).toContain('"code":"internal_error"');
  expect(plain).toContain('"code":"23505"');
  expect(plain).not.toMatch(/pw@|a@b\.c/);
});

it('survives what refers to itself', () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(JSON.stringify(redact(loop))).toContain('[deeper]');
});

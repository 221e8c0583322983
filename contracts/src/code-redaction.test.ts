import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { formatActivationCode, generateActivationCode } from './activation-code.ts';
import { holdsCode, withoutCodes } from './code-redaction.ts';

it('activation codes are taken out of a text, however they are written', () => {
  for (let i = 0; i < 200; i++) {
    const code = generateActivationCode(randomBytes);
    for (const written of [
      code,
      code.toLowerCase(),
      formatActivationCode(code),
      formatActivationCode(code).replaceAll('-', ' '),
      `https://app.example/a#${code}`,
    ]) {
      const clean = withoutCodes(`smudged, is ${written}, printed again`);
      expect(clean).toContain('[activation code]');
      expect(clean).toMatch(/^smudged, is .*, printed again$/);
      expect(clean.toUpperCase()).not.toContain(code.slice(0, 6));
    }
  }
});

it('a code with one wrong symbol is one', () => {
  const printed = formatActivationCode(generateActivationCode(randomBytes));
  const wrong = (printed.startsWith('A') ? 'B' : 'A') + printed.slice(1);
  expect(holdsCode(`label says ${wrong}`)).toBe(true);
});

it('other words are left alone', () => {
  for (const text of [
    'batch-2026-11-21-second-shift',
    'N4K-000123 label torn',
    '/home/line/boards.csv',
    'the printer ran out of ribbon',
    'a'.repeat(64),
  ])
    expect(withoutCodes(text)).toBe(text);
});

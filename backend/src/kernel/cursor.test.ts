import { expect, it } from '@jest/globals';
import { pageOf, readCursor, uuidForm } from './cursor.ts';

const items = ['a', 'b', 'c'].map((letter, day) => ({
  id: `00000000-0000-4000-8000-00000000000${letter}`,
  at: new Date(Date.UTC(2026, 2, 3 - day)),
}));
const positionOf = ({ id, at }: (typeof items)[number]) => ({ key: id, at });

it('goes on where the page ended', () => {
  const { page, nextCursor } = pageOf(items, 2, positionOf);
  expect(page).toEqual(items.slice(0, 2));
  expect(readCursor(nextCursor ?? undefined, uuidForm)).toEqual({ key: items[1]?.id, at: items[1]?.at });
});

it('ends with the last page', () => {
  expect(pageOf(items, 3, positionOf)).toEqual({ page: items, nextCursor: null });
  expect(readCursor(undefined, uuidForm)).toBeUndefined();
});

it.each([
  'x',
  '',
  '2026-13-45T00:00:00.000Z 00000000-0000-4000-8000-00000000000a',
  "2026-03-03T00:00:00.000Z ' OR 1=1",
])('refuses %j', (text) => {
  const cursor = Buffer.from(text).toString('base64url');
  expect(() => readCursor(cursor, uuidForm)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});

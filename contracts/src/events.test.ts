import { expect, it } from '@jest/globals';
import golden from '../fixtures/event.v1.json' with { type: 'json' };
import { boardEventSchema } from './events.ts';

it('fits its golden example', () => {
  expect(boardEventSchema.parse(golden)).toEqual(golden);
});

it.each([
  ['an id that is no ULID', { event_id: 'x' }],
  ['an unknown type', { type: 'party' }],
  ['a negative time', { occurred_at: -1 }],
  ['a time in fractions', { occurred_at: 1.5 }],
  ['a negative number', { seq: -1 }],
  ['data that is no object', { data: [] }],
  ['an unknown field', { owner: 'x' }],
])('with %s is refused', (_, change) => {
  expect(boardEventSchema.safeParse({ ...golden, ...change }).success).toBe(false);
});

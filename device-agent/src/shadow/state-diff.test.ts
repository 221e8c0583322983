import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { diffState, holdsAny, type JsonObject, leafKeysOf, mergeState, pickLeaves } from './state-diff.ts';

it.each<[JsonObject, JsonObject, JsonObject | undefined]>([
  [{}, {}, undefined],
  [{ a: 1 }, { a: 1 }, undefined],
  [{ a: 1 }, { a: 2 }, { a: 2 }],
  [{ a: 1, b: 1 }, { a: 1 }, { b: null }],
  [{ a: { x: 1, y: 1 } }, { a: { x: 1, y: 2 } }, { a: { y: 2 } }],
  [{ a: [1, 2] }, { a: [1, 3] }, { a: [1, 3] }],
  [{ a: 1 }, { a: { x: 1 } }, { a: { x: 1 } }],
  [{ a: { x: 1 } }, { a: 1 }, { a: 1 }],
  [{}, { a: undefined }, undefined],
])('the difference from %j to %j is %j', (from, to, patch) => {
  expect(diffState(from, to)).toEqual(patch);
});

/** Documents as shadows hold them: no nulls, no empty objects. */
const documents = fc.letrec<{ object: JsonObject }>((tie) => ({
  object: fc.dictionary(
    fc.stringMatching(/^[a-e]$/),
    fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.array(fc.integer()), tie('object')),
    { minKeys: 1 },
  ) as fc.Arbitrary<JsonObject>,
})).object;

it('turns any document into any other, and then finds nothing more to say', () => {
  fc.assert(
    fc.property(documents, documents, (from, to) => {
      const merged = mergeState(from, diffState(from, to) ?? {});
      expect(merged).toEqual(to);
      expect(diffState(merged, to)).toBeUndefined();
    }),
  );
});

it.each<[JsonObject, boolean]>([
  [{ a: { b: 1 } }, true],
  [{ a: { b: 2 }, e: [1] }, true],
  [{ a: { b: 2 } }, false],
  [{ b: 1 }, false],
  [{}, false],
])('tells whether any of %j stands in a document', (part, expected) => {
  expect(holdsAny({ a: { b: 1, c: {} }, e: [1] }, part)).toBe(expected);
});

it('names leaves by dotted key and picks them in place', () => {
  const state = { a: { b: 1, c: { d: 2 } }, e: [1] };
  expect(leafKeysOf(state)).toEqual(['a.b', 'a.c.d', 'e']);
  expect(pickLeaves(state, (key) => key.endsWith('d'))).toEqual({ a: { c: { d: 2 } } });
  expect(pickLeaves(state, () => false)).toBeUndefined();
});

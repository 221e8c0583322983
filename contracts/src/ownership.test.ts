import { expect, it } from '@jest/globals';
import golden from '../fixtures/ownership.v1.json' with { type: 'json' };
import { ownershipStateSchema } from './ownership.ts';

it('fits its golden example, and what a later cloud may add to it', () => {
  expect(ownershipStateSchema.parse(golden)).toEqual(golden);
  expect(ownershipStateSchema.parse({ ...golden, more: 1 })).toEqual(golden);
  const { viewers_since: _, live_since: __, ...before } = golden;
  expect(ownershipStateSchema.parse(before)).toEqual(before);
});

it.each([
  { epoch: -1 },
  { epoch: 1.5 },
  { epoch: '1' },
  { owned: 'yes' },
  { owned: undefined },
  { viewers_since: -1 },
  { live_since: '2026-01-01' },
])('refuses %j', (change) => {
  expect(ownershipStateSchema.safeParse({ ...golden, ...change }).success).toBe(false);
});

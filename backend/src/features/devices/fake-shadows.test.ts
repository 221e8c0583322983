import { describe } from '@jest/globals';
import { FakeShadows } from './testing/fake-shadows.ts';
import { shadowPortContract } from './testing/shadow-port-contract.ts';

describe('the fake shadows', () => {
  const shadows = new FakeShadows();
  let things = 0;
  shadowPortContract(() => ({
    shadows,
    newThing: () => `thing-${++things}`,
    report: async (thing, shadowName, reported) =>
      shadows.put(thing, shadowName, { reported, reportedAtMs: Date.now() }),
  }));
});

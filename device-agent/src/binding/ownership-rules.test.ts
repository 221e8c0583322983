import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judgeOwnership } from './ownership-rules.ts';

const at = (epoch: number, owned: boolean) => ({ epoch, owned });

it.each([
  ['the first word there is', undefined, at(0, false), { wipe: false, firstWord: true }],
  ['the first word on a board that has an owner', undefined, at(3, true), { wipe: false, firstWord: true }],
  ['a first owner', at(0, false), at(1, true), { wipe: false, firstWord: false }],
  ['a release', at(1, true), at(2, false), { wipe: true, firstWord: false }],
  ['the owner after a release', at(2, false), at(3, true), { wipe: false, firstWord: false }],
  ['a transfer', at(1, true), at(3, true), { wipe: true, firstWord: false }],
  [
    'an owner who came and went while it was away',
    at(0, false),
    at(2, false),
    { wipe: true, firstWord: false },
  ],
  ['two owners while it was away', at(2, false), at(7, true), { wipe: true, firstWord: false }],
])('%s', (_, known, told, news) => {
  expect(judgeOwnership(known, told)).toEqual({ kind: 'change', ...news });
});

it('does nothing at a repetition, and never goes back', () => {
  expect(judgeOwnership(at(3, true), at(3, true))).toEqual({ kind: 'nothing' });
  expect(judgeOwnership(at(3, true), at(2, false))).toEqual({ kind: 'outdated' });
});

it.each(['viewers_since', 'live_since'])('hears of the end of a share or a plan once: %s', (field) => {
  const since = (instant: number) => ({ ...at(3, true), [field]: instant });
  expect(judgeOwnership(at(3, true), since(1_000))).toEqual({ kind: 'viewers' });
  expect(judgeOwnership(since(1_000), since(2_000))).toEqual({ kind: 'viewers' });
  expect(judgeOwnership(since(2_000), since(2_000))).toEqual({ kind: 'nothing' });
  expect(judgeOwnership(since(2_000), since(1_000))).toEqual({ kind: 'nothing' });
  expect(judgeOwnership(since(2_000), at(3, true))).toEqual({ kind: 'nothing' });
  expect(judgeOwnership(since(2_000), at(5, true))).toEqual({ kind: 'change', wipe: true, firstWord: false });
});

it('wipes on the way from one owner to another, whatever the board slept through', () => {
  const path = fc
    .uniqueArray(fc.nat({ max: 30 }), { minLength: 1 })
    .map((epochs) => epochs.sort((a, b) => a - b));
  fc.assert(
    fc.property(path, fc.nat({ max: 30 }), (heard, last) => {
      // Odd epochs have an owner, each another one. What the board holds is of the last epoch in which it heard anything.
      let known = at(0, false);
      for (const epoch of [...heard, last]) {
        const told = at(epoch, epoch % 2 === 1);
        const news = judgeOwnership(known, told);
        const ownersBetween =
          Math.ceil(Math.max(0, epoch - known.epoch - 1) / 2) > 0 || (known.owned && epoch > known.epoch);
        if (news.kind === 'change') {
          if (ownersBetween) expect(news.wipe).toBe(true);
          known = told;
        }
      }
    }),
  );
});

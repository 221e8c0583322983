import { expect, it } from '@jest/globals';
import { canReadCosts, levelsOf, watchCosts } from './process-costs.ts';
import { wholeAgentFigures } from './whole-agent-figures.ts';

it('compares the middle third with the last and leaves the warming up out', () => {
  expect(levelsOf([90, 10, 50, 61, 60, 62, 70, 71, 99])).toEqual({ middle: 61, last: 71 });
});

it('says of a long run whether memory is flat, of a short one nothing', () => {
  const run = { cpuSeconds: 1, peakRssMiB: 74, anonymousMiB: 25, rssMiB: [50, 60, 60, 60, 64, 64] };
  const ofMemory = (seconds: number) =>
    wholeAgentFigures([run], seconds).flatMap(({ bar }) => (bar === undefined ? [] : [bar]));
  expect(ofMemory(60)).toEqual([{ text: '≤ 75 MiB', met: true }]);
  expect(ofMemory(900)).toEqual([
    { text: '≤ 75 MiB', met: true },
    { text: 'grows ≤ 3 MiB', met: false },
  ]);
});

it('reads what a process has cost, where there is /proc', async () => {
  if (!canReadCosts) return;
  const { peakRssMiB, rssMiB, anonymousMiB, cpuSeconds } = await watchCosts(process.pid, 0.5);
  expect(rssMiB).toHaveLength(1);
  expect(rssMiB[0]).toBeGreaterThan(anonymousMiB);
  expect(peakRssMiB).toBeGreaterThanOrEqual(rssMiB[0] as number);
  expect(cpuSeconds).toBeGreaterThan(0);
});

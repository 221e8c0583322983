import { expect, it } from '@jest/globals';
import { MemorySeries } from './memory-series.ts';

it('memory that grows is told from memory that breathes', () => {
  const leaking = new MemorySeries();
  const breathing = new MemorySeries();
  for (let sample = 0; sample < 900; sample++) {
    leaking.add(60 + sample / 60);
    breathing.add(60 + (sample % 7));
  }
  expect(leaking.growth).toBeCloseTo(5);
  expect(breathing.growth).toBeCloseTo(0);
  expect(leaking.draw(8)).toBe('▁▂▃▄▅▆▇█');
});

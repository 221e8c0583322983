import { expect, it } from '@jest/globals';
import { MemorySeries } from './memory-series.ts';

it('memory that grows is told from memory that breathes', () => {
  const leaking = new MemorySeries(2);
  const breathing = new MemorySeries(2);
  for (let sample = 0; sample < 900; sample++) {
    leaking.add(60 + sample / 60);
    breathing.add(60 + (sample % 7));
  }
  // A sixtieth of a MiB in two seconds.
  expect(leaking.slope).toBeCloseTo(30, 0);
  expect(breathing.slope).toBeCloseTo(0);
  expect(leaking.draw(8)).toBe('▁▂▃▄▅▆▇█');
});

it('a queue that an outage filled for a while is no growth, a slow leak is some', () => {
  const filled = new MemorySeries(2);
  const slow = new MemorySeries(2);
  for (let sample = 0; sample < 900; sample++) {
    const queued = sample > 650 && sample < 740 ? 12 : 0;
    filled.add(60 + (sample % 5) + queued);
    slow.add(60 + (sample % 5) + queued + sample / 180);
  }
  expect(Math.abs(filled.slope)).toBeLessThan(1);
  expect(slow.slope).toBeCloseTo(10, 0);
});

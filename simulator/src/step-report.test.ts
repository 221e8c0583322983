import { describe, expect, it } from '@jest/globals';
import { StepReport } from './step-report.ts';

describe('the report of steps', () => {
  it('shows each step with its time, and one that failed', async () => {
    const lines: string[] = [];
    const report = new StepReport({ write: (text) => lines.push(text) });
    expect(
      await report.step(
        'up',
        async () => 7,
        (n) => `port ${n}`,
      ),
    ).toBe(7);
    await expect(report.step('down', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(lines).toEqual([
      expect.stringMatching(/^ {2}✓ up +\d\.\d s {3}port 7\n$/),
      expect.stringMatching(/^ {2}✗ down +\d\.\d s\n$/),
    ]);
  });

  it('begins no step once it is asked to stop', async () => {
    const stop = new AbortController();
    const report = new StepReport({ write: () => undefined, signal: stop.signal });
    stop.abort(new Error('stopped by SIGINT'));
    let begun = false;
    const step = report.step('late', async () => {
      begun = true;
    });
    await expect(step).rejects.toThrow('stopped by SIGINT');
    expect(begun).toBe(false);
  });
});

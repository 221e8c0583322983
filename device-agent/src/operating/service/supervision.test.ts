import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../host/logger.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Supervision } from './supervision.ts';

const signal = new AbortController().signal;

describe('supervision', () => {
  let clock: FakeClock;
  let told: Readonly<Record<string, string>>[];
  let standstill: string | undefined;
  let broken: boolean;
  let problems: string[];

  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    standstill = undefined;
    broken = false;
    problems = [];
  });

  function supervision(watchdogMs: number | undefined): Supervision {
    return new Supervision({
      clock,
      manager: {
        watchdogMs,
        notify: async (assignments) => {
          if (broken) throw new Error('ENOENT');
          told.push(assignments);
        },
      },
      logger: createLogger({
        level: 'warn',
        destination: { write: () => {} },
        onProblem: (_part, _level, sentence) => problems.push(sentence),
      }),
      standstill: () => standstill,
      statusLine: () => 'fine',
    });
  }

  it('says ready, feeds the watchdog three times as often as it must, says goodbye', async () => {
    const part = supervision(90_000);
    await part.start(signal);
    await clock.advance(60_000);
    await part.stop();
    await part.stop();
    expect(told).toEqual([
      { READY: '1', STATUS: 'fine' },
      { WATCHDOG: '1', STATUS: 'fine' },
      { WATCHDOG: '1', STATUS: 'fine' },
      { STOPPING: '1', STATUS: 'stopping' },
    ]);
    expect(clock.pending).toEqual([]);
  });

  it('does not feed it while something stands still, says so once, and feeds it again after that', async () => {
    const part = supervision(90_000);
    await part.start(signal);
    standstill = 'iot: hangs';
    await clock.advance(60_000);
    expect(told.slice(1)).toEqual([
      { STATUS: 'standstill: iot: hangs' },
      { STATUS: 'standstill: iot: hangs' },
    ]);
    expect(problems).toEqual([expect.stringContaining('iot: hangs')]);
    standstill = undefined;
    await clock.advance(30_000);
    expect(told.at(-1)).toEqual({ WATCHDOG: '1', STATUS: 'fine' });
    await part.stop();
  });

  it('keeps the line up to date without a watchdog', async () => {
    const part = supervision(undefined);
    await part.start(signal);
    await clock.advance(60_000);
    expect(told.at(-1)).toEqual({ STATUS: 'fine' });
    await part.stop();
  });

  it('says once that systemd cannot be told, and goes on trying', async () => {
    const part = supervision(90_000);
    broken = true;
    await part.start(signal);
    await clock.advance(60_000);
    expect(problems).toEqual([expect.stringContaining('check that systemd-notify is installed')]);
    expect(part.health()).toMatchObject({ ok: false });
    broken = false;
    await clock.advance(30_000);
    expect(part.health()).toMatchObject({ ok: true });
    await part.stop();
  });

  it('does nothing for an agent that nobody supervises', async () => {
    const part = new Supervision({
      clock,
      manager: undefined,
      logger: createLogger({ level: 'silent' }),
      standstill: () => undefined,
      statusLine: () => '',
    });
    await part.start(signal);
    expect(clock.pending).toEqual([]);
    expect(part.health()).toEqual({ ok: true, detail: 'not started by systemd' });
    await part.stop();
  });
});

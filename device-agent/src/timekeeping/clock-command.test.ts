import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Program } from '../commands/run-program.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type ClockCommandOptions, runClock } from './clock-command.ts';
import { type TimeAnswer, TimeUnknown } from './time-answer.ts';

const day = 86_400_000;
const truth = Date.UTC(2026, 10, 20, 12);

let directory: string;
/** What the program that sets the clock was told. */
let told: string;
let offsetMs: number;
let printed: string;
let questions: number;

beforeEach(async () => {
  directory = await temporaryDirectory();
  told = join(directory, 'told');
  offsetMs = -365 * day;
  printed = '';
  questions = 0;
});

/** A clock that is `offsetMs` off until the program, a script as a board's may be, has run. */
async function clockProgram(body = `echo "$1" >'${told}'`): Promise<Program> {
  const script = join(directory, 'set-clock');
  await writeFile(script, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return [script];
}

const isSet = (): Promise<string | undefined> =>
  readFile(told, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );

async function run(options: Partial<ClockCommandOptions> = {}): Promise<number> {
  return runClock({
    bundle: { notBefore: new Date(truth - 20 * day), notAfter: new Date(truth + 3_650 * day) },
    builtAt: truth - 30 * day,
    clock: { now: () => truth + (existsSync(told) ? 0 : offsetMs), monotonic: () => 0 },
    ask: async () => {
      questions++;
      return answer;
    },
    set: true,
    whenInDoubt: false,
    doubtPath: join(directory, 'clock-doubt'),
    program: 'program' in options ? options.program : await clockProgram(),
    print: (text) => void (printed += text),
    ...options,
  });
}

const answer: TimeAnswer = {
  from: 'cloud:443',
  time: truth,
  receivedAt: 0,
  notBefore: truth - 10 * day,
  notAfter: truth + 300 * day,
};

describe('aovis-agent clock', () => {
  it('says that the clock is right, and touches nothing', async () => {
    offsetMs = 3_000;
    expect(await run()).toBe(0);
    expect(printed).toBe('The clock is right: 3 s from what cloud:443 says.\n');
    expect(await isSet()).toBeUndefined();
  });

  it('says what is wrong, and sets nothing until told to', async () => {
    expect(await run({ set: false })).toBe(14);
    expect(printed).toContain('the clock is 365 d behind. Set it: sudo aovis-agent clock --set');
    expect(await isSet()).toBeUndefined();
  });

  it('sets it, and looks whether that helped', async () => {
    expect(await run()).toBe(0);
    expect(await isSet()).toBe(`@${truth / 1_000}`);
    expect(printed).toBe('The clock was set from 2025-11-20T12:00:00Z to 2026-11-20T12:00:00Z.\n');
  });

  it('does not set it back by more than a day', async () => {
    offsetMs = 2 * day;
    expect(await run()).toBe(14);
    expect(printed).toContain('So far back it is not set by itself');
    expect(await isSet()).toBeUndefined();
  });

  it('asks nobody when there is no doubt and it shall act in doubt alone', async () => {
    offsetMs = -2 * day;
    expect(await run({ whenInDoubt: true })).toBe(0);
    expect(questions).toBe(0);
    await writeFile(join(directory, 'clock-doubt'), '');
    expect(await run({ whenInDoubt: true })).toBe(0);
    expect(await isSet()).toBe(`@${truth / 1_000}`);
  });

  it('is in doubt by itself when the clock cannot be right', async () => {
    expect(await run({ whenInDoubt: true })).toBe(0);
    expect(questions).toBe(1);
  });
});

describe('aovis-agent clock refuses', () => {
  it.each([
    ['may not', 'exit 1', 'ended with code 1'],
    ['does nothing', 'exit 0', 'ended well, but the clock did not move'],
  ])('when the program %s', async (_what, body, reason) => {
    await expect(run({ program: await clockProgram(body) })).rejects.toMatchObject({
      code: 'clockWrong',
      message: expect.stringMatching(
        new RegExp(`^The clock cannot be set: .*set-clock @\\d+ ${reason}\\. It needs`),
      ),
    });
  });

  it('without a program', async () => {
    await expect(run({ program: undefined })).rejects.toThrow('AOVIS_AGENT_CLOCK_COMMAND names no program');
  });

  it('when nobody can be asked, and when the answer is not believed', async () => {
    const unreachable = async (): Promise<TimeAnswer> => {
      throw new TimeUnknown('cloud:443 cannot be asked for the time (ECONNREFUSED)');
    };
    await expect(run({ ask: unreachable })).rejects.toMatchObject({
      code: 'clockUnknown',
      message: expect.stringContaining('check the uplink'),
    });
    const old = async (): Promise<TimeAnswer> => ({ ...answer, time: truth - 40 * day, notBefore: 0 });
    await expect(run({ ask: old })).rejects.toMatchObject({
      code: 'clockUnknown',
      message: expect.stringContaining('which is not believed'),
    });
    expect(await isSet()).toBeUndefined();
  });
});

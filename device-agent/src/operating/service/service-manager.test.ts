import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { serviceManagerOf } from './service-manager.ts';

const pid = 4711;

describe('the manager', () => {
  it.each([
    ['nobody waits', {}, undefined],
    ['no watchdog', { NOTIFY_SOCKET: '/x' }, { watchdogMs: undefined }],
    [
      'a watchdog',
      { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '90000000', WATCHDOG_PID: '4711' },
      { watchdogMs: 90_000 },
    ],
    [
      'of another process',
      { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '90000000', WATCHDOG_PID: '1' },
      { watchdogMs: undefined },
    ],
    ['of whoever it is', { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1000' }, { watchdogMs: 1 }],
  ])('%s', (_what, variables, expected) => {
    const env: NodeJS.ProcessEnv = { ...variables, OTHER: 'stays' };
    const manager = serviceManagerOf(env, pid);
    if (expected === undefined) expect(manager).toBeUndefined();
    else expect(manager).toMatchObject(expected);
    expect(env).toEqual({ OTHER: 'stays' });
  });

  /** Stands for systemd-notify: notes its arguments and where it was told to go. */
  async function notifier(exit: number): Promise<{ program: string; seen: () => Promise<string> }> {
    const directory = await temporaryDirectory();
    const program = join(directory, 'systemd-notify');
    await writeFile(
      program,
      `#!/bin/sh\nfor a; do echo "$a"; done >${directory}/seen\necho "$NOTIFY_SOCKET" >>${directory}/seen\nexit ${exit}\n`,
    );
    await chmod(program, 0o755);
    return { program, seen: () => readFile(join(directory, 'seen'), 'utf8') };
  }

  it('is told each assignment, on one line', async () => {
    const { program, seen } = await notifier(0);
    const env = { NOTIFY_SOCKET: '/run/systemd/notify', PATH: process.env.PATH };
    await serviceManagerOf(env, pid, program)?.notify({ READY: '1', STATUS: 'a b\nREADY=0' });
    expect(await seen()).toBe('READY=1\nSTATUS=a b READY=0\n/run/systemd/notify\n');
  });

  it.each(['/nowhere/systemd-notify', undefined])('says when it cannot be told: %s', async (missing) => {
    const { program } = await notifier(1);
    const env = { NOTIFY_SOCKET: '/x', PATH: process.env.PATH };
    await expect(serviceManagerOf(env, pid, missing ?? program)?.notify({ READY: '1' })).rejects.toThrow();
  });
});

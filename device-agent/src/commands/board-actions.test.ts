import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import type { Program } from './run-program.ts';
import { CommandStand, type StandOptions } from './testing/command-stand.ts';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

async function start(options: StandOptions): Promise<CommandStand> {
  const stand = await CommandStand.start(directory, options);
  stand.connection.connect();
  return stand;
}
const node = (script: string): Program => [process.execPath, '-e', script];
/** Appends what it was told to a file. */
async function recorder(variables: string): Promise<{ program: Program; told: () => Promise<string> }> {
  const file = join(directory, 'told');
  await writeFile(file, '');
  const script = `require('node:fs').appendFileSync(${JSON.stringify(file)}, [${variables}].join(' ') + '\\n')`;
  return { program: node(script), told: () => readFile(file, 'utf8') };
}

describe('identify', () => {
  it('is a line in the log without a program', async () => {
    const stand = await start({});
    stand.deliver(stand.command({ type: 'identify', params: {} }));
    expect((await stand.untilAnswered('succeeded')).at(-1)).toMatchObject({ result: { shown_by: 'log' } });
    await stand.stop();
  });

  it('runs the program and tells it for how long', async () => {
    const { program, told } = await recorder('process.env.AOVIS_DURATION_S');
    const stand = await start({ identify: program });
    stand.deliver(stand.command({ type: 'identify', params: { duration_s: 7 } }));
    const answers = await stand.untilAnswered('succeeded');
    expect(answers.map(({ status }) => status)).toEqual(['accepted', 'running', 'succeeded']);
    expect(answers.at(-1)?.result).toEqual({ shown_by: 'program' });
    expect(await told()).toBe('7\n');
    await stand.stop();
  });
});

describe('ptz', () => {
  it('runs the program with the position', async () => {
    const { program, told } = await recorder(
      'process.env.AOVIS_PAN, process.env.AOVIS_TILT, process.env.AOVIS_ZOOM',
    );
    const stand = await start({ ptz: program });
    stand.deliver(stand.command({ type: 'ptz', params: { pan: -0.5, tilt: 0, zoom: 1 } }));
    await stand.untilAnswered('succeeded');
    expect(await told()).toBe('-0.5 0 1\n');
    await stand.stop();
  });

  it.each([
    [node('process.exit(3)'), /ended with code 3/],
    [node('process.kill(process.pid, "SIGKILL")'), /was ended by SIGKILL/],
    [['/nowhere/to/be/found'] as const, /could not be started \(ENOENT\)/],
  ])('says what went wrong with the program %#', async (ptz, message) => {
    const stand = await start({ ptz });
    stand.deliver(stand.command({ type: 'ptz', params: { pan: 0, tilt: 0, zoom: 0 } }));
    const error = (await stand.untilAnswered('failed')).at(-1)?.error;
    expect(error).toEqual({ code: 'program_failed', message: expect.stringMatching(message) });
    await stand.stop();
  });
});

describe('reboot', () => {
  const reboot = { type: 'reboot', params: {} };

  it('says that it was taken before it begins, and that it happened after the restart', async () => {
    const { program, told } = await recorder('1');
    let release: () => void = () => {};
    const delivered = new Promise<void>((resolve) => {
      release = resolve;
    });
    const stand = await start({ reboot: program });
    stand.connection.onPublish = ({ payload }) => (payload.includes('accepted') ? delivered : undefined);
    const asked = stand.command(reboot);
    stand.deliver(asked);
    await stand.untilAnswered('running');
    expect(await told()).toBe('');
    release();
    await until(() => stand.clock.pending.includes(120_000));
    expect(await told()).toBe('1\n');
    // As systemd does on the way down.
    await stand.stop();
    expect(stand.answers.map(({ status }) => status)).toEqual(['running', 'accepted']);

    const next = await start({ reboot: program, machineBootId: 'boot-2' });
    expect((await next.untilAnswered('succeeded')).at(-1)).toEqual({
      id: asked.id,
      status: 'succeeded',
      result: { boot_id: 'boot-2' },
    });
    next.deliver(asked);
    await next.stop();
    expect(await told()).toBe('1\n');
  });

  it('does not wait for ever for a cloud that cannot be told', async () => {
    const { program, told } = await recorder('1');
    const stand = await start({ reboot: program });
    stand.connection.onPublish = () => new Promise(() => {});
    stand.deliver(stand.command(reboot));
    await stand.clock.untilPending();
    await stand.clock.advance(5_000);
    await until(() => stand.clock.pending.includes(120_000));
    expect(await told()).toBe('1\n');
  });

  it.each(['boot-1', 'boot-2'])('that was under way is at its end after a restart into %s', async (boot) => {
    const first = await start({ reboot: node('') });
    const asked = first.command(reboot);
    first.deliver(asked);
    await until(() => first.clock.pending.includes(120_000));
    await first.stop();

    const second = await start({ reboot: node(''), machineBootId: boot });
    // The agent alone came back: the machine may still be on its way down.
    if (boot === 'boot-1') await second.clock.advance(120_000);
    const answers = await second.untilAnswered(boot === 'boot-1' ? 'failed' : 'succeeded');
    expect(answers.at(-1)?.error?.code).toBe(boot === 'boot-1' ? 'not_restarted' : undefined);
    await second.stop();
  });

  it('fails with its program', async () => {
    const stand = await start({ reboot: node('process.exit(1)') });
    stand.deliver(stand.command(reboot));
    expect((await stand.untilAnswered('failed')).at(-1)?.error?.code).toBe('program_failed');
    await stand.stop();
  });

  it('fails when the machine stays up', async () => {
    const stand = await start({ reboot: node('') });
    stand.deliver(stand.command(reboot));
    await until(() => stand.clock.pending.includes(120_000));
    await stand.clock.advance(120_000);
    expect((await stand.untilAnswered('failed')).at(-1)?.error?.code).toBe('not_restarted');
    await stand.stop();
  });
});

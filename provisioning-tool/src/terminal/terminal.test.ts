import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { formatDuration, startProgress } from './progress.ts';
import { type OutputOptions, Terminal } from './terminal.ts';

const human: OutputOptions = { json: false, plain: false, input: true };

function fakeTerminal(options: OutputOptions, env: Record<string, string> = {}, tty = true) {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: tty, setRawMode: (on: boolean) => raw.push(on) });
  const stdout = Object.assign(new PassThrough(), { isTTY: tty });
  const stderr = Object.assign(new PassThrough(), { isTTY: tty });
  const read = (stream: PassThrough) => (stream.read() as Buffer | null)?.toString() ?? '';
  return {
    terminal: new Terminal({ stdin, stdout, stderr }, options, env),
    stdin,
    raw,
    said: () => read(stderr),
    printed: () => read(stdout),
  };
}

const refusal = { kind: 'ca', message: 'No CA.', details: ['one', 'two'], exitCode: 5 };

describe('the terminal', () => {
  it('has colours on a TTY only, and not with NO_COLOR, --plain or a dumb terminal', () => {
    const coloured = (options: OutputOptions, env?: Record<string, string>, tty?: boolean) => {
      const { terminal, said } = fakeTerminal(options, env, tty);
      terminal.fail(refusal);
      return said().includes('\u001b[');
    };
    expect(coloured(human)).toBe(true);
    expect(coloured(human, { NO_COLOR: '1' })).toBe(false);
    expect(coloured(human, { TERM: 'dumb' })).toBe(false);
    expect(coloured({ ...human, plain: true })).toBe(false);
    expect(coloured(human, {}, false)).toBe(false);
  });

  it('prints results as lines or as JSON, errors on stderr', () => {
    const lines = fakeTerminal(human);
    lines.terminal.result({ a: 1 }, ['a is 1', 'that is all']);
    expect(lines.printed()).toBe('a is 1\nthat is all\n');
    const json = fakeTerminal({ ...human, json: true });
    json.terminal.result({ a: 1 }, ['a is 1']);
    json.terminal.fail(refusal);
    expect(json.printed()).toBe('{"a":1}\n');
    expect(JSON.parse(json.said())).toEqual({
      error: { code: 'ca', message: 'No CA.', details: ['one', 'two'], exit_code: 5 },
    });
  });

  it('aligns columns for eyes and separates them by tabs for programs', () => {
    const rows = [
      ['a', 'bbb'],
      ['cc', 'd'],
    ];
    expect(fakeTerminal(human).terminal.table(rows)).toEqual(['a   bbb', 'cc  d']);
    expect(fakeTerminal({ ...human, plain: true }).terminal.table(rows)).toEqual(['a\tbbb', 'cc\td']);
  });

  it('takes a passphrase without showing it, with backspace', async () => {
    const { terminal, stdin, raw, said } = fakeTerminal(human);
    const asked = terminal.askSecret('Passphrase');
    stdin.write('secrex\u007ft');
    stdin.write('\r');
    expect(await asked).toBe('secret');
    expect(raw).toEqual([true, false]);
    expect(said()).toBe('Passphrase: \n');
  });

  it('ends the question on Ctrl-C and Ctrl-D, and asks nobody who is not there', async () => {
    for (const end of ['\u0003', '\u0004']) {
      const { terminal, stdin, raw } = fakeTerminal(human);
      const asked = terminal.askSecret('Passphrase');
      stdin.write(`secret${end}`);
      await expect(asked).rejects.toMatchObject({ kind: 'interrupted' });
      expect(raw).toEqual([true, false]);
    }
    await expect(fakeTerminal({ ...human, input: false }).terminal.askSecret('?')).rejects.toThrow(
      '--passphrase-file',
    );
    await expect(fakeTerminal(human, {}, false).terminal.askSecret('?')).rejects.toThrow('--passphrase-file');
  });

  it('takes scans as fast as they come, without showing them, until an empty line or Ctrl-D', async () => {
    for (const end of ['\r', '\u0004']) {
      const { terminal, stdin, raw, said } = fakeTerminal(human);
      const scans: string[] = [];
      stdin.write('first\rsec');
      stdin.write(`ond\rthirx\u007fd\r${end}`);
      for await (const line of terminal.secretLines('Scan', new AbortController().signal)) scans.push(line);
      expect(scans).toEqual(['first', 'second', 'third']);
      expect(raw).toEqual([true, false]);
      expect(said()).toBe('Scan\n');
    }
  });

  it('ends scans on Ctrl-C, and asks nobody who must not be asked', async () => {
    const take = async (terminal: Terminal) => {
      for await (const line of terminal.secretLines('Scan', new AbortController().signal))
        expect(line).toBe('first');
    };
    const { terminal, stdin, raw } = fakeTerminal(human);
    stdin.write('first\rsec\u0003');
    await expect(take(terminal)).rejects.toMatchObject({ kind: 'interrupted' });
    expect(raw).toEqual([true, false]);
    await expect(take(fakeTerminal({ ...human, input: false }).terminal)).rejects.toThrow(
      'pipe the scans in',
    );
  });

  it('takes scans from a pipe, until it ends or the operator interrupts', async () => {
    const { terminal, stdin } = fakeTerminal(human, {}, false);
    const scans: string[] = [];
    const interrupt = new AbortController();
    stdin.write('first\r\nsecond\n');
    for await (const line of terminal.secretLines('Scan', interrupt.signal)) {
      scans.push(line);
      if (scans.length === 2) interrupt.abort();
    }
    expect(scans).toEqual(['first', 'second']);
  });

  it('shows progress as a bar on a TTY and as a line now and then elsewhere', async () => {
    const clock = new FakeClock();
    const tty = fakeTerminal(human);
    const bar = await startProgress(tty.terminal, clock, 4);
    await clock.advance(1_000);
    bar.step();
    bar.stop();
    // The bar last, where a narrow terminal cuts the line off.
    expect(tty.said()).toContain('1/4 boards, 1.0/s, 3 s left █');

    const pipe = fakeTerminal(human, {}, false);
    const lines = await startProgress(pipe.terminal, clock, 1_000);
    for (let i = 0; i < 300; i++) {
      await clock.advance(100);
      lines.step();
    }
    lines.stop();
    expect(pipe.said()).toBe(
      '100 of 1000 boards, 10.0/s, 1 m 30 s left\n200 of 1000 boards, 10.0/s, 1 m 20 s left\n300 of 1000 boards, 10.0/s, 1 m 10 s left\n',
    );
  });

  it.each([
    [0, '0 s'],
    [59.1, '1 m 0 s'],
    [1000, '16 m 40 s'],
    [7_260, '2 h 1 m'],
  ])('writes %s seconds as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

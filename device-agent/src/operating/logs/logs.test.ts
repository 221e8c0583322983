import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { readJournal } from './journal.ts';
import { renderEntry } from './log-entry.ts';
import { refuseForeignDirectory } from './no-lines.ts';
import { readLogs } from './read-logs.ts';

const line = (second: number, level: string, msg: string, more: object = {}): string =>
  `${JSON.stringify({ level, time: `2026-11-21T09:00:0${second}.000Z`, ...more, msg })}\n`;
const at = (second: number): number => Date.UTC(2026, 10, 21, 9, 0, second);

describe('the log file', () => {
  it('is read from its older to its newer part, the last lines of a level', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'agent.log.1'), line(1, 'warn', 'first') + line(2, 'info', 'second'));
    await writeFile(join(directory, 'agent.log'), line(3, 'error', 'third', { part: 'iot' }));
    const messages = async (lines: number, level: 'info' | 'warn'): Promise<string[]> =>
      (await readLogs({ directory, lines, level })).map(({ message }) => message);
    expect(await messages(10, 'info')).toEqual(['first', 'second', 'third']);
    expect(await messages(2, 'info')).toEqual(['second', 'third']);
    expect(await messages(2, 'warn')).toEqual(['first', 'third']);
  });

  it('that is missing has no lines; a torn line stays where it was', async () => {
    const directory = await temporaryDirectory();
    expect(await readLogs({ directory, lines: 5, level: 'debug' })).toEqual([]);
    await writeFile(
      join(directory, 'agent.log'),
      `${line(1, 'info', 'a')}{"level":"in\n${line(2, 'info', 'b')}`,
    );
    const entries = await readLogs({ directory, lines: 5, level: 'debug' });
    expect(entries.map(({ message }) => message)).toEqual(['a', '{"level":"in', 'b']);
  });

  it('shows no secret that got into it all the same', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'agent.log'), line(1, 'info', 'rtsp://admin:hunter2@cam/1'));
    const [entry] = await readLogs({ directory, lines: 5, level: 'debug' });
    expect(entry?.message).toBe('rtsp://[redacted]@cam/1');
  });

  it('keeps what stands beside the sentence, without secrets', async () => {
    const directory = await temporaryDirectory();
    const more = {
      part: 'jobs',
      jobId: 'job-1',
      sessionToken: 'abc',
      err: { message: 'no\nroom', stack: 'at x' },
    };
    const key = { pem: '-----BEGIN PRIVATE KEY-----\nabc' };
    await writeFile(
      join(directory, 'agent.log'),
      line(1, 'error', 'A job failed.', more) + line(2, 'info', 'Odd.', key),
    );
    const entries = await readLogs({ directory, lines: 5, level: 'debug' });
    expect(entries.map(({ details }) => details)).toEqual([
      { jobId: 'job-1', sessionToken: '[redacted]', err: more.err },
      { text: '{"pem":"[private key]' },
    ]);
    expect(entries.map(renderEntry)).toEqual([
      '2026-11-21T09:00:01.000Z ERROR jobs: A job failed. err={"message":"no\\nroom","stack":"at x"} jobId=job-1 ' +
        'sessionToken="[redacted]"',
      '2026-11-21T09:00:02.000Z INFO  Odd. text="{\\"pem\\":\\"[private key]"',
    ]);
  });
});

describe('the journal', () => {
  /** Stands for journalctl: a program that says what journalctl says. */
  async function journalctl(records: readonly object[]): Promise<string> {
    const program = join(await temporaryDirectory(), 'journalctl');
    const text = records.map((record) => JSON.stringify(record)).join('\n');
    await writeFile(program, `#!/bin/sh\ncat <<'E'\n${text}\nE\n`);
    await chmod(program, 0o755);
    return program;
  }
  const query = { lines: 5, level: 'debug' } as const;

  it('has the agent’s lines, and others’ with their priority', async () => {
    const program = await journalctl([
      { MESSAGE: line(1, 'warn', 'ours', { part: 'iot' }).trim(), PRIORITY: '4', __REALTIME_TIMESTAMP: '1' },
      { MESSAGE: 'Main process exited', PRIORITY: '5', __REALTIME_TIMESTAMP: `${at(2)}000` },
      {
        MESSAGE: [112, 97, 115, 115, 119, 111, 114, 100, 61, 120],
        PRIORITY: '3',
        __REALTIME_TIMESTAMP: `${at(3)}000`,
      },
      { MESSAGE: null, __REALTIME_TIMESTAMP: `${at(4)}000` },
    ]);
    expect(await readJournal(query, program)).toEqual([
      { at: at(1), level: 'warn', part: 'iot', message: 'ours' },
      { at: at(2), level: 'info', message: 'Main process exited' },
      { at: at(3), level: 'error', message: 'password=[redacted]' },
      { at: at(4), level: 'info', message: '(too long)' },
    ]);
  });

  it('is done without where there is none', async () => {
    expect(await readJournal(query, '/nowhere/journalctl')).toEqual([]);
  });

  it('and the file make one log, by time', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'agent.log'), line(2, 'info', 'by hand'));
    const journal = [1, 3].map((second) => ({
      at: at(second),
      level: 'info' as const,
      message: `as service ${second}`,
    }));
    const entries = await readLogs({ directory, lines: 5, level: 'info', readJournal: async () => journal });
    expect(entries.map(({ message }) => message)).toEqual(['as service 1', 'by hand', 'as service 3']);
  });
});

it('without lines, a directory in which an agent ran is told from any other', async () => {
  const directory = await temporaryDirectory();
  const refusal = { code: 'stateUnusable', message: expect.stringContaining('No agent ever ran with') };
  await expect(refuseForeignDirectory(directory)).rejects.toMatchObject(refusal);
  await expect(refuseForeignDirectory(join(directory, 'mistyped'))).rejects.toMatchObject(refusal);
  await writeFile(join(directory, 'last-boot.json'), '{}');
  await refuseForeignDirectory(directory);
});

it('a line for a person', () => {
  expect(renderEntry({ at: at(1), level: 'warn', part: 'iot', message: 'No uplink.' })).toBe(
    '2026-11-21T09:00:01.000Z WARN  iot: No uplink.',
  );
});

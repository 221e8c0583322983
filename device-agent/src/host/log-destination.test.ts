import { fstatSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { isJournal, LogDestination } from './log-destination.ts';
import { LogFile } from './log-file.ts';
import { createLogger } from './logger.ts';

function capture(): { lines: string[]; stream: { write(line: string): void } } {
  const lines: string[] = [];
  return { lines, stream: { write: (line) => void lines.push(line) } };
}

describe('lines for journald', () => {
  it('begin with their priority, children’s too', () => {
    const { lines, stream } = capture();
    const logger = createLogger({
      level: 'debug',
      destination: new LogDestination({ journal: true, stream }),
    });
    const child = logger.child({ part: 'iot' });
    child.debug('a');
    child.info('b');
    logger.warn('c');
    child.error('d');
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['<7>{', '<6>{', '<4>{', '<3>{']);
    expect(JSON.parse(lines[3]?.slice(3) ?? '')).toMatchObject({ level: 'error', part: 'iot', msg: 'd' });
  });

  it('are written when standard error is the journal’s, and only then', () => {
    const { dev, ino } = fstatSync(2, { bigint: true });
    expect(isJournal(`${dev}:${ino}`)).toBe(true);
    expect(isJournal(`${dev}:${ino + 1n}`)).toBe(false);
    expect(isJournal(undefined)).toBe(false);
  });
});

it('no secret gets to the lines, not in a message, an error or a field', () => {
  const { lines, stream } = capture();
  const logger = createLogger({ level: 'info', destination: new LogDestination({ journal: false, stream }) });
  logger.info({ url: 'rtsp://admin:hunter2@cam/1' }, 'trying rtsp://admin:hunter2@cam/1');
  logger.error({ err: new Error('password=hunter2') }, 'failed');
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toContain('hunter2');
  for (const line of lines) JSON.parse(line);
});

describe('the file', () => {
  it('has the lines since it is there, closed to others', async () => {
    const { stream } = capture();
    const directory = join(await temporaryDirectory(), 'log');
    const destination = new LogDestination({ journal: false, stream });
    const file = new LogFile({ directory });
    destination.write('before\n');
    destination.keepIn(file);
    destination.write('after\n');
    file.close();
    expect(await readFile(join(directory, 'agent.log'), 'utf8')).toBe('after\n');
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'agent.log'))).mode & 0o777).toBe(0o600);
  });

  it('never takes more than two files of its size, and goes on where it ended', async () => {
    const directory = await temporaryDirectory();
    const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
    for (let line = 0; line < 10; line++) {
      const file = new LogFile({ directory, maxBytes: 12 });
      file.write(`line ${line}\n`);
      file.close();
    }
    expect(await read('agent.log')).toBe('line 9\n');
    expect(await read('agent.log.1')).toBe('line 8\n');
  });

  it('is emptied at a wipe, both parts, and goes on', async () => {
    const directory = await temporaryDirectory();
    const file = new LogFile({ directory, maxBytes: 12 });
    for (const owner of ['Anna\n', 'and Ben\n']) file.write(`of ${owner}`);
    expect((await readdir(directory)).sort()).toEqual(['agent.log', 'agent.log.1']);
    file.wipe();
    expect(await readdir(directory)).toEqual([]);
    file.write('new\n');
    file.close();
    expect(await readFile(join(directory, 'agent.log'), 'utf8')).toBe('new\n');
  });

  it('that cannot be written is done without', async () => {
    const directory = join(await temporaryDirectory(), 'log');
    await writeFile(directory, 'a file in its place');
    const file = new LogFile({ directory });
    file.write('lost\n');
    file.close();
  });
});

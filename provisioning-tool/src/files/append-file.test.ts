import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppendFile } from './append-file.ts';
import { findMode, syncDirectory, writeDirectoryDurably, writeFileDurably } from './durable-files.ts';

describe('durable files', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aovis-files-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('appends side by side end up whole and in order', async () => {
    const path = join(directory, 'log');
    const file = await AppendFile.open(path, 0);
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
    await Promise.all(lines.map((line) => file.append(line)));
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(lines.join(''));
    expect(await findMode(path)).toBe(0o600);
  });

  it('an append resolves when its text is in the file, not before', async () => {
    const path = join(directory, 'log');
    const file = await AppendFile.open(path, 0);
    for (let i = 0; i < 20; i++) {
      await file.append(`${i}\n`);
      expect((await readFile(path, 'utf8')).endsWith(`${i}\n`)).toBe(true);
    }
    await file.close();
  });

  it('cuts off the torn tail it is told of', async () => {
    const path = join(directory, 'log');
    await writeFile(path, 'whole\ntorn');
    const file = await AppendFile.open(path, 6);
    await file.append('next\n');
    await file.close();
    expect(await readFile(path, 'utf8')).toBe('whole\nnext\n');
  });

  it('after a failed write refuses everything, with the same reason', async () => {
    const file = await AppendFile.open(join(directory, 'log'), 0);
    await file.close();
    const failure = await file.append('x').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'EBADF' });
    await expect(file.append('y')).rejects.toBe(failure);
  });

  it('directories that appear side by side are there, and one that fails fails alone', async () => {
    await writeDirectoryDurably(join(directory, 'taken'), { x: '1' });
    const names = Array.from({ length: 100 }, (_, i) => (i === 50 ? 'taken' : `d${i}`));
    const all = await Promise.allSettled(
      names.map((name) => writeDirectoryDurably(join(directory, name), { x: name })),
    );
    expect(all.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([50]);
    for (const name of names.filter((each) => each !== 'taken'))
      expect(await readFile(join(directory, name, 'x'), 'utf8')).toBe(name);
  });

  it('a directory that cannot be synced is an error for all who ask, and can be asked again', async () => {
    const missing = join(directory, 'missing');
    const asked = await Promise.allSettled([1, 2, 3].map(() => syncDirectory(missing)));
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await mkdir(missing);
    await Promise.all([1, 2, 3].map(() => syncDirectory(missing)));
  });

  it('what a cut left of a directory on its way is replaced', async () => {
    await mkdir(join(directory, '.d.partial'));
    await writeFile(join(directory, '.d.partial', 'old'), 'left');
    await writeDirectoryDurably(join(directory, 'd'), { x: '1' });
    expect(await readdir(join(directory, 'd'))).toEqual(['x']);
    expect(await readdir(directory)).toEqual(['d']);
  });

  it('files and directories appear whole, for the owner alone', async () => {
    await writeFileDurably(join(directory, 'a'), 'one');
    await writeFileDurably(join(directory, 'a'), 'two');
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('two');
    await writeDirectoryDurably(join(directory, 'd'), { x: '1', y: '2' });
    expect(await findMode(join(directory, 'd'))).toBe(0o700);
    expect(await findMode(join(directory, 'd', 'x'))).toBe(0o600);
    await expect(writeDirectoryDurably(join(directory, 'd'), { x: '3' })).rejects.toThrow();
    expect(await readFile(join(directory, 'd', 'x'), 'utf8')).toBe('1');
  });
});

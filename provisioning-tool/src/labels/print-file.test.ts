import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from '../files/durable-files.ts';
import { writePrintFile } from './print-file.ts';

describe('a file of label sheets', () => {
  let directory: string;
  const path = () => join(directory, 'sheets.pdf');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aovis-print-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const codes = async (sink: Writable): Promise<number> => {
    sink.write('codes ');
    sink.end('and more codes');
    await finished(sink, { readable: false });
    return 2;
  };
  const settled = () => Promise.resolve();

  it('is whole and private when it is there, and was settled before', async () => {
    let sha256 = '';
    const written = await writePrintFile(path(), codes, async (digest) => {
      expect(await readdir(directory)).toEqual(['.sheets.pdf.partial']);
      expect(await findMode(join(directory, '.sheets.pdf.partial'))).toBe(0o600);
      sha256 = digest;
    });
    expect(written).toBe(2);
    expect(await readdir(directory)).toEqual(['sheets.pdf']);
    expect(await findMode(path())).toBe(0o600);
    const content = await readFile(path());
    expect(content.toString()).toBe('codes and more codes');
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
  });

  it('does not appear when the ledger cannot be written', async () => {
    const settle = () => Promise.reject(new Error('the audit log cannot be written'));
    await expect(writePrintFile(path(), codes, settle)).rejects.toThrow('the audit log cannot be written');
    expect(await readdir(directory)).toEqual([]);
  });

  it('leaves no codes behind when its making fails half way', async () => {
    const half = (sink: Writable) => {
      sink.write('codes');
      return Promise.reject(new Error('labels.csv is torn'));
    };
    await expect(writePrintFile(path(), half, settled)).rejects.toThrow('labels.csv is torn');
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes the place of what a killed print left, and of nothing else', async () => {
    await writeFile(join(directory, '.sheets.pdf.partial'), 'codes of a killed print');
    await writePrintFile(path(), codes, settled);
    expect(await readdir(directory)).toEqual(['sheets.pdf']);
    await expect(writePrintFile(path(), codes, settled)).rejects.toMatchObject({ exitCode: 7 });
    const nowhere = join(directory, 'nowhere', 'sheets.pdf');
    await expect(writePrintFile(nowhere, codes, settled)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

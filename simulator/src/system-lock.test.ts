import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SystemLock } from './system-lock.ts';

describe('the lock of a system’s folder', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'system-lock-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('keeps a second simulator off, until the first lets go', () => {
    const first = new SystemLock(folder);
    const second = new SystemLock(folder);
    first.take();
    const refusal = refusalOf(() => second.take());
    expect(refusal?.message).toBe(
      `The local system in this folder is running already (process ${process.pid}). Use it, or stop it with Ctrl-C in its terminal.`,
    );
    // A cause would be printed below it.
    expect(refusal?.cause).toBeUndefined();
    first.release();
    first.release();
    second.take();
    second.release();
  });
});

function refusalOf(act: () => void): Error | undefined {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

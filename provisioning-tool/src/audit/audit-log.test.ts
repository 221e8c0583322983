import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../clock.ts';
import { findMode } from '../files/durable-files.ts';
import { LockFile } from '../files/lock-file.ts';
import { AuditLog, readAudit } from './audit-log.ts';
import type { AuditEntry, AuditRecord } from './audit-records.ts';

const scanned = (labels: number): AuditRecord => ({
  type: 'labels_scanned',
  batch_id: 'boards',
  labels,
  complete: true,
});

describe('the audit log', () => {
  let workspace: string;
  let log: AuditLog;

  beforeEach(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'aovis-audit-'));
    log = new AuditLog(workspace, systemClock);
  });

  afterEach(async () => {
    await rm(workspace, { recursive: true, force: true });
  });

  const entries = async (): Promise<AuditEntry[]> => {
    const all: AuditEntry[] = [];
    for await (const entry of readAudit(log.path)) all.push(entry);
    return all;
  };
  const lines = async () => (await readFile(log.path, 'utf8')).split('\n').slice(0, -1);

  it('is empty before the first line, private, numbered and chained after it', async () => {
    expect(await entries()).toEqual([]);
    expect(await log.append(scanned(1), scanned(2))).toBe(1);
    expect(await log.append(scanned(3))).toBe(3);
    expect(await findMode(log.path)).toBe(0o600);
    const read = await entries();
    expect(read.map(({ seq, record }) => [seq, record])).toEqual([1, 2, 3].map((n) => [n, scanned(n)]));
    expect(read[0]).toMatchObject({ operator: expect.any(String), host: expect.any(String) });
  });

  it('lets commands that run beside each other take turns', async () => {
    const others = Array.from({ length: 8 }, () => new AuditLog(workspace, systemClock));
    await Promise.all(others.map((other, i) => other.append(scanned(i), scanned(i))));
    const read = await entries();
    expect(read).toHaveLength(16);
    for (let i = 0; i < 16; i += 2) expect(read[i]?.record).toEqual(read[i + 1]?.record);
  });

  it('cuts off a torn last line, at whatever byte the power went', async () => {
    await log.append(scanned(1));
    const whole = await readFile(log.path);
    await log.append(scanned(2));
    const both = await readFile(log.path);
    for (let end = whole.length; end < both.length; end++) {
      await writeFile(log.path, both);
      await truncate(log.path, end);
      expect(await entries()).toHaveLength(1);
      expect(await log.append(scanned(3))).toBe(2);
      expect((await entries()).map(({ record }) => record)).toEqual([scanned(1), scanned(3)]);
    }
  });

  it('names the first line that was changed, removed or moved', async () => {
    await log.append(...[1, 2, 3, 4].map(scanned));
    const [a = '', b = '', c = '', d = ''] = await lines();
    for (const [forged, line, why] of [
      [[a, b.replace('"labels":2', '"labels":9'), c, d], 3, 'the line before it was changed'],
      [[a, c, d], 2, 'it is numbered 3'],
      [[a, c, b, d], 2, 'it is numbered 3'],
      [[b, c, d], 1, 'it is numbered 2'],
      [[a, 'x', c, d], 2, 'it is not JSON'],
      [[a, b, c.replace('labels_scanned', 'labels_eaten'), d], 3, 'no record of this version'],
      [[a.replace(/"prev":"0/, '"prev":"1'), b], 1, 'lines before it are missing'],
    ] as const) {
      await writeFile(log.path, `${forged.join('\n')}\n`);
      await expect(entries()).rejects.toMatchObject({
        exitCode: 8,
        message: expect.stringMatching(new RegExp(`^Line ${line} of the audit log .*${why}`)),
      });
    }
  });

  it('refuses to go on behind a line that is not its own', async () => {
    await log.append(scanned(1));
    await appendFile(log.path, 'somebody was here\n');
    await expect(log.append(scanned(2))).rejects.toMatchObject({
      exitCode: 8,
      message: expect.stringContaining('audit verify'),
    });
    expect((await lines()).at(-1)).toBe('somebody was here');
  });

  it('gives up on a lock that somebody holds for good', async () => {
    let now = 0;
    const impatient = new AuditLog(workspace, {
      now: () => now,
      sleep: (ms) => {
        now += ms;
        return Promise.resolve();
      },
    });
    const lock = await LockFile.acquire(join(workspace, 'audit.lock'));
    await expect(impatient.append(scanned(1))).rejects.toMatchObject({ exitCode: 7 });
    expect(now).toBe(5_000);
    await lock.release();
    await impatient.append(scanned(1));
  });
});

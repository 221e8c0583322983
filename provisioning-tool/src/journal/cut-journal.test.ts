import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { auditPath } from '../audit/audit-log.ts';
import { systemClock } from '../clock.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { findHighWater, HighWater, highWaterPath } from './high-water.ts';
import { Journal, journalPath, replayJournal } from './journal.ts';

describe('a journal that lost whole lines at its end', () => {
  let factory: FactoryFixture;
  let csv: string;
  let path: string;
  let audit: string;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    csv = await factory.writeBoards('boards.csv', 2);
    path = journalPath(factory.workspace);
    audit = auditPath(factory.workspace);
  });

  afterEach(async () => {
    await factory.stop();
  });

  /** Byte offsets behind each line but the last. */
  function boundaries(whole: Buffer): number[] {
    const ends: number[] = [0];
    for (let at = whole.indexOf(10); at !== whole.length - 1; at = whole.indexOf(10, at + 1))
      ends.push(at + 1);
    return ends;
  }

  it.each([
    ['the mark beside it', () => rm(audit)],
    ['the audit log', () => rm(highWaterPath(path))],
  ])('is refused at each boundary by what %s knows, and is good again once put back', async (_, forget) => {
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });
    const whole = await readFile(path);
    const lines = whole.toString().trimEnd().split('\n').length;
    await forget();
    for (const [kept, length] of boundaries(whole).entries()) {
      await writeFile(path, whole.subarray(0, length));
      await expect(replayJournal(path)).rejects.toMatchObject({
        exitCode: 8,
        message: expect.stringContaining(
          `has ${kept} lines, but ${kept + 1 === lines ? `line ${lines} is` : `lines ${kept + 1} to ${lines} are`} missing`,
        ),
      });
    }
    await writeFile(path, whole);
    expect((await replayJournal(path)).seq).toBe(lines);
  });

  it('stops every command, of those too that do not read it, and the next one still', async () => {
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });
    const whole = await readFile(path);
    const calls = factory.iot.calls.length;
    await truncate(path, boundaries(whole).at(-3));
    const cut = await readFile(path);
    await rm(highWaterPath(path));
    for (const words of [
      ['batch', 'status'],
      ['batch', 'run', csv, '--passphrase-file', factory.passphraseFile],
      ['batch', 'verify', 'boards', '--offline'],
      [
        'labels',
        'print',
        'boards',
        '--activation-url',
        'https://app.example.com',
        '--out',
        join(factory.directory, 'x.pdf'),
      ],
      ['batch', 'run', csv, '--passphrase-file', factory.passphraseFile],
      ['audit', 'verify'],
    ])
      expect(await factory.cli(...words)).toMatchObject({
        exitCode: 8,
        stderr: expect.stringContaining('its end was cut off'),
      });
    expect(factory.iot.calls).toHaveLength(calls);
    expect(await readFile(path)).toEqual(cut);
    await writeFile(path, whole);
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });
    expect((await factory.cli('audit', 'verify')).exitCode).toBe(0);
  });

  it('is refused after a run that was killed, too, whose end no audit log has', async () => {
    factory.iot.options.fault = (operation) =>
      operation === 'UpdateCertificate'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    const log = await readFile(audit);
    expect((await factory.runBatch(csv)).exitCode).toBe(6);
    factory.iot.options.fault = () => undefined;
    // As a killed process leaves it: begun, and not ended.
    await writeFile(audit, log);
    const whole = await readFile(path);
    await truncate(path, boundaries(whole).at(-1));
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('journal.jsonl.head knows'),
    });
    await writeFile(path, whole);
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });
  });

  it('is not seen in one that is longer than its mark, or has none: so a power cut leaves it', async () => {
    expect(await factory.runBatch(csv)).toMatchObject({ exitCode: 0 });
    const mark = await readFile(highWaterPath(path));
    const journal = await Journal.open(factory.workspace, systemClock);
    await journal.append({ type: 'ca_passphrase_changed', keys: 1, operator: 'ann' });
    await journal.close();
    const { seq } = await replayJournal(path);
    await writeFile(highWaterPath(path), mark);
    expect((await replayJournal(path)).seq).toBe(seq);
    await writeFile(highWaterPath(path), mark.subarray(0, 40));
    expect((await replayJournal(path)).seq).toBe(seq);
    await rm(highWaterPath(path));
    expect((await replayJournal(path)).seq).toBe(seq);
  });
});

describe('the mark', () => {
  it('survives a torn write of itself: the one before holds', async () => {
    const factory = new FactoryFixture();
    await factory.start();
    try {
      const path = join(factory.directory, 'mark');
      const marks = [1, 2].map((seq) => ({ seq, sha256: String(seq).repeat(64) }));
      const [one, two] = marks as [(typeof marks)[0], (typeof marks)[0]];
      const file = HighWater.open(path, one);
      file.note(two);
      file.close();
      expect(findHighWater(path)).toEqual(marks[1]);
      const whole = await readFile(path, 'utf8');
      const second = whole.indexOf('{"seq":2');
      for (const torn of [whole.slice(0, second + 50), whole.replace('2'.repeat(64), `9${'2'.repeat(63)}`)]) {
        await writeFile(path, torn);
        expect(findHighWater(path)).toEqual(marks[0]);
      }
    } finally {
      await factory.stop();
    }
  });
});

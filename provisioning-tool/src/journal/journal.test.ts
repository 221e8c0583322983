import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../clock.ts';
import { Refusal } from '../refusal.ts';
import { highWaterPath } from './high-water.ts';
import { Journal, journalPath, replayJournal } from './journal.ts';
import { isProvisioned } from './journal-state.ts';
import { boardSteps, type JournalRecord } from './records.ts';

const clock: Clock = { now: () => Date.parse('2026-03-01T08:00:00Z'), sleep: () => Promise.resolve() };
const hash = (digit: string) => digit.repeat(64);

const records: JournalRecord[] = [
  {
    type: 'batch_started',
    batch_id: 'B-1',
    boards: 1,
    csv_sha256: hash('a'),
    region: 'eu-central-1',
    issuing_certificate_sha256: hash('b'),
    station_id: 'line-1',
    operator: 'ann',
    tool_version: '1.0.0',
  },
  {
    type: 'board_issued',
    batch_id: 'B-1',
    serial: 'N4K-000001',
    model: 'n4k',
    certificate_id: hash('c'),
    public_key_sha256: hash('d'),
    activation_code_digest: hash('e'),
    code_epoch: 1,
  },
  ...boardSteps.map((step): JournalRecord => ({ type: 'board_step', serial: 'N4K-000001', step })),
  {
    type: 'manifest_planned',
    batch_id: 'B-1',
    manifest_id: '01JB0000000000000000000001',
    created_at: '2026-03-01T08:00:00.000Z',
    serials: ['N4K-000001'],
  },
  {
    type: 'manifest_accepted',
    manifest_id: '01JB0000000000000000000001',
    backend: 'https://backend.example',
  },
];

describe('the journal', () => {
  let workspace: string;

  beforeEach(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'aovis-journal-'));
  });

  afterEach(async () => {
    await rm(workspace, { recursive: true, force: true });
  });

  async function write(some: readonly JournalRecord[]): Promise<string> {
    const journal = await Journal.open(workspace, clock);
    try {
      await Promise.all(some.map((record) => journal.append(record)));
    } finally {
      await journal.close();
    }
    return await readFile(journalPath(workspace), 'utf8');
  }

  it('writes one chained line a record', async () => {
    const lines = (await write(records.slice(0, 3))).split('\n');
    expect(lines).toEqual(
      [
        `{"seq":1,"at":"2026-03-01T08:00:00.000Z","prev":"${hash('0')}","type":"batch_started","batch_id":"B-1","boards":1,"csv_sha256":"${hash('a')}","region":"eu-central-1","issuing_certificate_sha256":"${hash('b')}","station_id":"line-1","operator":"ann","tool_version":"1.0.0"}`,
        `{"seq":2,"at":"2026-03-01T08:00:00.000Z","prev":"FIRST","type":"board_issued","batch_id":"B-1","serial":"N4K-000001","model":"n4k","certificate_id":"${hash('c')}","public_key_sha256":"${hash('d')}","activation_code_digest":"${hash('e')}","code_epoch":1}`,
        '{"seq":3,"at":"2026-03-01T08:00:00.000Z","prev":"SECOND","type":"board_step","serial":"N4K-000001","step":"thing"}',
        '',
      ].map((line) => line.replace('FIRST', golden.first).replace('SECOND', golden.second)),
    );
  });

  it('adds up to where the board stands', async () => {
    await write(records);
    const { state } = await replayJournal(journalPath(workspace));
    const board = state.boards.get('N4K-000001');
    expect(board && isProvisioned(board)).toBe(true);
    expect(board?.manifest?.accepted).toBe(true);
    const journal = await Journal.open(workspace, clock);
    expect(await journal.issued('N4K-000001')).toEqual(records[1]);
    const standings = [];
    for await (const each of journal.standings()) standings.push(each);
    expect(standings).toEqual(
      records
        .filter(({ type }) => type === 'board_issued')
        .map((issued) => ({ board: issued, standing: 'current' })),
    );
    await journal.close();
  });

  it('torn at every byte, it keeps the whole lines and goes on', async () => {
    await write(records.slice(0, 3));
    const path = journalPath(workspace);
    // What a power cut leaves: the torn line was not on the disk, so nobody noted it.
    const mark = await readFile(highWaterPath(path));
    const whole = Buffer.from(await write(records.slice(3, 4)));
    const lastLine = whole.lastIndexOf(10, whole.length - 2) + 1;
    for (let length = whole.length - 1; length >= lastLine; length--) {
      await writeFile(path, whole.subarray(0, length));
      await writeFile(highWaterPath(path), mark);
      expect(await replayJournal(path)).toMatchObject({
        seq: 3,
        validBytes: lastLine,
        tornBytes: length - lastLine,
      });
      // Mending takes the disk its time: not at each of the bytes.
      if (length % 16 !== 0) continue;
      const journal = await Journal.open(workspace, clock);
      await journal.append(records[3] as JournalRecord);
      await journal.close();
      expect(await readFile(path)).toEqual(whole);
    }
  }, 30_000);

  it.each([
    ['a changed character', (text: string) => text.replace('"operator":"ann"', '"operator":"eve"')],
    ['a line taken out', (text: string) => text.split('\n').toSpliced(2, 1).join('\n')],
    [
      'two lines exchanged',
      (text: string) => {
        const lines = text.split('\n');
        return [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n');
      },
    ],
    ['a line that is no JSON', (text: string) => text.replace('{"seq":2', '{seq:2')],
    [
      'a record of another version',
      (text: string) => text.replace('"type":"batch_started"', '"type":"batch_opened"'),
    ],
  ])('refuses %s, and changes nothing', async (_, change) => {
    const changed = change(await write(records));
    await writeFile(journalPath(workspace), changed);
    await expect(Journal.open(workspace, clock)).rejects.toMatchObject({ kind: 'journal' });
    expect(await readFile(journalPath(workspace), 'utf8')).toBe(changed);
  });

  it('refuses a file that is not a journal at all without reading it to the end', async () => {
    await appendFile(journalPath(workspace), Buffer.alloc(3 << 20, 'x'), { mode: 0o600 });
    await expect(Journal.open(workspace, clock)).rejects.toThrow('far too long');
  });

  it('is used by one process at a time; a dead holder does not matter', async () => {
    const journal = await Journal.open(workspace, clock);
    await expect(Journal.open(workspace, clock)).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringMatching(/Another run \(process \d+/),
    });
    await journal.close();
    await writeFile(join(workspace, 'journal.lock'), '{"pid":1,"started":"another boot/1","host":"');
    await (await Journal.open(workspace, clock)).close();
    const { hostname } = await import('node:os');
    await writeFile(
      join(workspace, 'journal.lock'),
      JSON.stringify({ pid: process.pid, started: 'another boot/1', host: hostname() }),
    );
    await (await Journal.open(workspace, clock)).close();
  });

  it('believes a lock of another computer', async () => {
    await writeFile(
      join(workspace, 'journal.lock'),
      JSON.stringify({ pid: 1, started: 'x', host: 'another-computer' }),
    );
    await expect(Journal.open(workspace, clock)).rejects.toBeInstanceOf(Refusal);
  });

  it('refuses a record that cannot follow', async () => {
    const journal = await Journal.open(workspace, clock);
    await expect(journal.append({ type: 'board_step', serial: 'N4K-000009', step: 'thing' })).rejects.toThrow(
      'was never issued',
    );
    await journal.close();
    expect(await readFile(journalPath(workspace), 'utf8')).toBe('');
  });
});

/** SHA-256 of the first and of the second golden line, from `printf %s … | sha256sum`. */
const golden = {
  first: '7eda6f88c1d1e80fb716b0c09741bf635eebb5c08c0739caf1d3112a96f0f2bc',
  second: '19ffeb66a24d8351a53c8ceabd0b2fe2676a0b839890c5839751d8a4cfeb162f',
};

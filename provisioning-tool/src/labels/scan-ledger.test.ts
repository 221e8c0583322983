import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AuditLog, readAudit } from '../audit/audit-log.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import type { BoardCode } from './board-codes.ts';
import { ScanLedger } from './scan-ledger.ts';

let workspace: string;
let clock: FakeClock;

beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'aovis-scans-'));
  clock = new FakeClock();
});
afterEach(async () => {
  await rm(workspace, { recursive: true, force: true });
});

const board = (number: number): BoardCode => ({
  serial: `N4K-${String(number).padStart(6, '0')}`,
  model: 'n4k',
  batchId: 'boards',
  digest: number.toString(16).padStart(64, '0').split('').toReversed().join(''),
  epoch: 1,
  finished: true,
  ended: undefined,
  past: [],
});
const read = (batchId = 'boards') =>
  ScanLedger.read(workspace, batchId, { audit: new AuditLog(workspace, clock), clock });
const lines = async (): Promise<number> => {
  let count = 0;
  for await (const { record } of readAudit(join(workspace, 'audit.jsonl')))
    if (record.type === 'labels_scanned_so_far') count += 1;
  return count;
};

it('keeps each scan of a person at once, so that a power cut loses none', async () => {
  const ledger = await read();
  for (const number of [1, 2]) {
    await ledger.add(board(number));
    expect((await read()).has(board(number))).toBe(true);
    await clock.advance(1_000);
  }
  expect((await read()).has(board(3))).toBe(false);
  expect((await read('other')).has(board(1))).toBe(false);
  await ledger.add(board(1));
  expect(await lines()).toBe(2);
});

it('keeps scans that come from a file in few lines, and the last ones when it ends', async () => {
  const ledger = await read();
  for (let number = 1; number <= 700; number++) await ledger.add(board(number));
  expect(await lines()).toBe(2);
  expect((await read()).has(board(501))).toBe(true);
  expect((await read()).has(board(700))).toBe(false);
  await ledger.flush();
  await ledger.flush();
  expect(await lines()).toBe(3);
  expect((await read()).has(board(700))).toBe(true);
});

it('forgets them when it begins anew', async () => {
  const ledger = await read();
  await ledger.add(board(1));
  await ledger.restart();
  expect(ledger.has(board(1))).toBe(false);
  expect((await read()).has(board(1))).toBe(false);
  await ledger.add(board(1));
  await ledger.flush();
  expect((await read()).has(board(1))).toBe(true);
});

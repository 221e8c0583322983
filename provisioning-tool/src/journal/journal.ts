import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from '../clock.ts';
import { AppendFile } from '../files/append-file.ts';
import { ensurePrivateDirectory, syncDirectory } from '../files/durable-files.ts';
import { LockFile } from '../files/lock-file.ts';
import { refuseLooseFile } from '../files/private-file.ts';
import { messageOf, Refusal, systemCodeOf } from '../refusal.ts';
import { HighWater, highWaterPath } from './high-water.ts';
import { type BoardState, JournalState } from './journal-state.ts';
import { type KnownLine, knownLines, refuseCut, refuseReplaced } from './known-lines.ts';
import {
  type BoardIssued,
  boardIssuedSchema,
  boardMergedSchema,
  type DeviceChangePlanned,
  deviceChangePlannedSchema,
  type JournalRecord,
  lineSchema,
  recordSchema,
} from './records.ts';

/** `prev` of the first line. */
const genesis = '0'.repeat(64);
/** The longest line is a manifest of 200 serials, about 3 kB; anything far beyond is not ours. */
const longestLine = 1 << 20;
/** One that says what a board is, with names and a reason of any script. */
const longestBoardLine = 4_096;

export interface Replay {
  state: JournalState;
  seq: number;
  head: string;
  /** Bytes up to the end of the last whole line. */
  validBytes: number;
  tornBytes: number;
}

/**
 * What this station did, for good: one JSON object a line, each carrying the SHA-256 of the line before it
 * (`prev`), so that a changed, missing or reordered line shows. A line is on the disk before `append` resolves.
 * An unfinished last line, left by a power cut, was never acknowledged and is cut off. Whole lines that are missing at the end
 * were on the disk: `HighWater` and the audit log remember them, and such a journal is refused.
 */
export class Journal {
  readonly path: string;
  readonly state: JournalState;
  #clock: Clock;
  #file: AppendFile;
  #lock: LockFile;
  #highWater: HighWater;
  #seq: number;
  #head: string;
  #bytes: number;

  private constructor(
    path: string,
    replay: Replay,
    file: AppendFile,
    highWater: HighWater,
    lock: LockFile,
    clock: Clock,
  ) {
    this.path = path;
    this.state = replay.state;
    this.#seq = replay.seq;
    this.#head = replay.head;
    this.#bytes = replay.validBytes;
    this.#file = file;
    this.#highWater = highWater;
    this.#lock = lock;
    this.#clock = clock;
  }

  /** Takes the folder's lock, replays and mends. */
  static async open(workspace: string, clock: Clock): Promise<Journal> {
    await ensurePrivateDirectory(workspace);
    const path = journalPath(workspace);
    const lock = await LockFile.acquire(join(workspace, 'journal.lock'));
    try {
      const replay = await replayJournal(path);
      const file = await AppendFile.open(path, replay.validBytes);
      const highWater = HighWater.open(highWaterPath(path), { seq: replay.seq, sha256: replay.head });
      await syncDirectory(workspace);
      return new Journal(path, replay, file, highWater, lock, clock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Resolves once the record is on the disk. */
  async append(record: JournalRecord): Promise<void> {
    const at = new Date(this.#clock.now()).toISOString();
    const line = JSON.stringify({ seq: this.#seq + 1, at, prev: this.#head, ...record });
    const problem = this.state.apply(record, this.#bytes, at);
    if (problem) throw new Refusal('journal', `The journal refuses a record: ${problem}.`);
    this.#seq += 1;
    this.#head = sha256(line);
    this.#bytes += Buffer.byteLength(line) + 1;
    const mark = { seq: this.#seq, sha256: this.#head };
    try {
      await this.#file.append(`${line}\n`, () => this.#highWater.note(mark));
    } catch (error) {
      throw new Refusal(
        'journal',
        `The journal ${this.path} cannot be written (${messageOf(error)}); free some disk space or mend the disk, then run the same command again.`,
        { cause: error },
      );
    }
  }

  /** What has been written so far, for readers that look at the file. */
  get written(): Written {
    return { state: this.state, validBytes: this.#bytes };
  }

  issued(serial: string): Promise<BoardIssued> {
    return readIssued(this.path, this.state, serial);
  }

  pendingChange(board: BoardState): Promise<DeviceChangePlanned | undefined> {
    return readPendingChange(this.path, board);
  }

  /** What every board was, is and will be. To be read before anything is appended. */
  standings(): AsyncGenerator<BoardStanding> {
    return readStandings(this.path, { state: this.state, validBytes: this.#bytes });
  }

  async close(): Promise<void> {
    await this.#file.close();
    this.#highWater.close();
    await this.#lock.release();
  }
}

export function journalPath(workspace: string): string {
  return join(workspace, 'journal.jsonl');
}

function sha256(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}

/** Reads back what a board is; the state only knows where that stands in the file. */
export async function readIssued(path: string, state: JournalState, serial: string): Promise<BoardIssued> {
  const board = state.boards.get(serial);
  if (!board) throw new Refusal('journal', `Board ${serial} is not in the journal.`);
  return parseIssued(await readLineAt(path, board.issuedAt));
}

/** The change of a board that is not finished. */
export async function readPendingChange(
  path: string,
  board: BoardState,
): Promise<DeviceChangePlanned | undefined> {
  const pending = board.life?.pending;
  return pending && deviceChangePlannedSchema.parse(recordOf(await readLineAt(path, pending.plannedAt)));
}

/** As much of a journal as was replayed. */
export type Written = Pick<Replay, 'state' | 'validBytes'>;

/** What a line says of a board: what it is now, what it will be when its change is finished, or what it once was. */
export interface BoardStanding {
  board: BoardIssued;
  standing: 'current' | 'pending' | 'past';
}

/** Every line that says what a board is, in the journal's order: one pass, one line in memory. */
export async function* readStandings(
  path: string,
  { state, validBytes }: Written,
): AsyncGenerator<BoardStanding> {
  if (validBytes === 0) return;
  let offset = 0;
  for await (const line of createInterface({ input: createReadStream(path, { end: validBytes - 1 }) })) {
    if (boardLine.test(line)) {
      const board = parseIssued(line);
      yield { board, standing: standingOf(state.boards.get(board.serial), offset) };
    }
    offset += Buffer.byteLength(line) + 1;
  }
}

function standingOf(board: BoardState | undefined, offset: number): BoardStanding['standing'] {
  if (board?.life?.pending?.plannedAt === offset) return 'pending';
  return board?.issuedAt === offset ? 'current' : 'past';
}

const boardLine = /"type":"(board_issued|board_merged|device_change_planned)"/;

/** Of all kinds of lines that say what a board is. */
function parseIssued(line: string): BoardIssued {
  const record = recordOf(line);
  if (record['type'] === 'board_issued') return boardIssuedSchema.parse(record);
  if (record['type'] === 'board_merged')
    return { type: 'board_issued', ...boardMergedSchema.parse(record).board };
  return { type: 'board_issued', ...deviceChangePlannedSchema.parse(record).board };
}

function recordOf(line: string): Record<string, unknown> {
  const { seq: _seq, at: _at, prev: _prev, ...record } = JSON.parse(line) as Record<string, unknown>;
  return record;
}

async function readLineAt(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(longestBoardLine),
      0,
      longestBoardLine,
      offset,
    );
    return buffer.subarray(0, bytesRead).toString('utf8').split('\n', 1)[0] ?? '';
  } finally {
    await file.close();
  }
}

/**
 * Reads the journal without changing it; a missing one is empty.
 * @throws Refusal when a line cannot be trusted, or lines are missing at the end that are known to have been there
 */
export async function replayJournal(path: string): Promise<Replay> {
  const known = await knownLines(path);
  const replay: Replay = { state: new JournalState(), seq: 0, head: genesis, validBytes: 0, tornBytes: 0 };
  let rest: Buffer = Buffer.alloc(0);
  await refuseLooseFile(path, { what: 'The journal', kind: 'journal' });
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      let end = rest.indexOf(10);
      while (end !== -1) {
        applyLine(path, replay, rest.subarray(0, end), known);
        rest = rest.subarray(end + 1);
        end = rest.indexOf(10);
      }
      if (rest.length > longestLine) break;
    }
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
  if (rest.length > longestLine) throw damaged(path, replay.seq + 1, 'the line is far too long');
  replay.tornBytes = rest.length;
  refuseCut(path, replay.seq, known);
  return replay;
}

function applyLine(path: string, replay: Replay, line: Buffer, known: readonly KnownLine[]): void {
  const number = replay.seq + 1;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw damaged(path, number, 'it is not JSON', error);
  }
  const chained = lineSchema.safeParse(parsed);
  if (!chained.success) throw damaged(path, number, 'it lacks seq, at, prev or type');
  const { seq, at, prev, ...body } = chained.data;
  if (seq !== number) throw damaged(path, number, `it is numbered ${seq}`);
  if (prev !== replay.head) throw damaged(path, number, 'the line before it was changed');
  const record = recordSchema.safeParse(body);
  if (!record.success) throw damaged(path, number, `it is no record of this version (type ${body.type})`);
  const problem = replay.state.apply(record.data, replay.validBytes, at);
  if (problem) throw damaged(path, number, problem);
  replay.seq = number;
  replay.head = sha256(line);
  replay.validBytes += line.length + 1;
  refuseReplaced(path, { seq: number, sha256: replay.head }, known);
}

function damaged(path: string, line: number, why: string, cause?: unknown): Refusal {
  return new Refusal(
    'journal',
    `Line ${line} of the journal ${path} cannot be trusted: ${why}. Put back the last good copy of the file; ` +
      'nothing was changed.',
    { cause },
  );
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { AppendFile } from '../files/append-file.ts';
import { ensurePrivateDirectory, exists, syncDirectory } from '../files/durable-files.ts';
import { LockFile } from '../files/lock-file.ts';
import { refuseLooseFile } from '../files/private-file.ts';
import { messageOf, Refusal, systemCodeOf } from '../refusal.ts';
import { type AuditEntry, type AuditRecord, auditLineSchema, auditRecordSchema } from './audit-records.ts';
import { readTail } from './tail.ts';

/** `prev` of the first line. */
export const auditGenesis = '0'.repeat(64);
const longestLine = 1 << 20;
/** A line takes a few milliseconds; whoever holds the lock for longer hangs. */
const lockPatienceMs = 5_000;
const lockPauseMs = 20;

export function auditPath(workspace: string): string {
  return join(workspace, 'audit.jsonl');
}

/**
 * Who did what at this station: one JSON object a line, each with the SHA-256 of the line before it. Unlike the
 * journal, which says where each board stands and belongs to one run at a time, it is written by every command that
 * changes something, a line when it begins and one when it ends, also beside a run.
 */
export class AuditLog {
  readonly path: string;
  readonly #workspace: string;
  readonly #clock: Clock;

  constructor(workspace: string, clock: Clock) {
    this.path = auditPath(workspace);
    this.#workspace = workspace;
    this.#clock = clock;
  }

  /** Whether there is a workspace to write into; the first command of all makes it. */
  async hasWorkspace(): Promise<boolean> {
    return await exists(this.#workspace);
  }

  /** Resolves, with the number of the first line, once all lines are on the disk. */
  async append(...records: AuditRecord[]): Promise<number> {
    await ensurePrivateDirectory(this.#workspace);
    const lock = await this.#lock();
    try {
      await refuseLooseFile(this.path, { what: 'The audit log', kind: 'journal' });
      const { line, validBytes } = await readTail(this.path);
      const last = line ? chainOf(line, this.path) : { seq: 0, sha256: auditGenesis };
      const first = last.seq + 1;
      let prev = last.sha256;
      const lines = records.map((record, index) => {
        const text = this.#lineOf(record, first + index, prev);
        prev = sha256Of(text);
        return `${text}\n`;
      });
      const file = await AppendFile.open(this.path, validBytes);
      try {
        await file.append(lines.join(''));
      } finally {
        await file.close();
      }
      if (last.seq === 0) await syncDirectory(this.#workspace);
      return first;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal(
        'journal',
        `The audit log ${this.path} cannot be written (${messageOf(error)}); free some disk space or mend the disk, ` +
          'then run the same command again.',
        { cause: error },
      );
    } finally {
      await lock.release();
    }
  }

  #lineOf(record: AuditRecord, seq: number, prev: string): string {
    return JSON.stringify({
      seq,
      at: new Date(this.#clock.now()).toISOString(),
      prev,
      operator: userInfo().username,
      host: hostname(),
      ...auditRecordSchema.parse(record),
    });
  }

  /** Commands beside this one hold the lock for the moment of a write: wait for them. */
  async #lock(): Promise<LockFile> {
    const path = join(this.#workspace, 'audit.lock');
    for (let waited = 0; ; waited += lockPauseMs) {
      try {
        return await LockFile.acquire(path);
      } catch (error) {
        if (!(error instanceof Refusal) || waited >= lockPatienceMs) throw error;
        await this.#clock.sleep(lockPauseMs);
      }
    }
  }
}

function sha256Of(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}

function chainOf(line: Buffer, path: string): { seq: number; sha256: string } {
  try {
    return { seq: auditLineSchema.parse(JSON.parse(line.toString('utf8'))).seq, sha256: sha256Of(line) };
  } catch (error) {
    throw new Refusal(
      'journal',
      `The last line of the audit log ${path} is none of this program's; see: aovis-provision audit verify`,
      { cause: error },
    );
  }
}

/**
 * Every entry in order, each checked against the one before it; a refusal (exit code 8) names the first line that
 * cannot be trusted. A missing file is empty; an unfinished last line was never acknowledged and is left out.
 */
export async function* readAudit(path: string): AsyncGenerator<AuditEntry> {
  let head = { seq: 0, sha256: auditGenesis };
  for await (const line of wholeLines(path)) {
    const entry = entryOf(line, head, path);
    head = entry;
    yield entry;
  }
}

function entryOf(line: Buffer, head: { seq: number; sha256: string }, path: string): AuditEntry {
  const number = head.seq + 1;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw damaged(path, number, 'it is not JSON', error);
  }
  const chained = auditLineSchema.safeParse(parsed);
  if (!chained.success) throw damaged(path, number, 'it lacks seq, at, prev, operator, host or type');
  const { seq, at, prev, operator, host, ...body } = chained.data;
  if (seq !== number) throw damaged(path, number, `it is numbered ${seq}`);
  if (prev !== head.sha256)
    throw damaged(
      path,
      number,
      number === 1 ? 'lines before it are missing' : 'the line before it was changed',
    );
  const record = auditRecordSchema.safeParse(body);
  if (!record.success) throw damaged(path, number, `it is no record of this version (type ${body.type})`);
  return { seq, at, operator, host, record: record.data, sha256: sha256Of(line) };
}

/** The lines that end with a newline, as bytes: a hash must see what is on the disk. */
export async function* wholeLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  await refuseLooseFile(path, { what: 'The audit log', kind: 'journal' });
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
        yield rest.subarray(0, end);
        rest = rest.subarray(end + 1);
      }
      if (rest.length > longestLine)
        throw new Refusal('journal', `${path} has a line that is far too long; put back the last good copy.`);
    }
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
}

function damaged(path: string, line: number, why: string, cause?: unknown): Refusal {
  return new Refusal(
    'journal',
    `Line ${line} of the audit log ${path} cannot be trusted: ${why}. Keep the file as it is for the inquiry, and ` +
      'put back the last good copy.',
    { cause },
  );
}

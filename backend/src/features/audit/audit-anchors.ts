import { open, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { ChainHead } from './audit-chain.ts';
import { readHead } from './audit-verification.ts';

const everyMs = 60_000;

/** Notes the end of the audit log in a file outside the database, so that cutting it off or writing it anew shows. */
export class AuditAnchors {
  readonly #db: Database;
  readonly #path: string | undefined;
  readonly #log: Logger;
  #stopping: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #noted = 0n;

  /** Without a path nothing is noted. */
  constructor({ db, path, log }: { db: Database; path: string | undefined; log: Logger }) {
    this.#db = db;
    this.#path = path;
    this.#log = log;
  }

  start(): void {
    if (this.#path === undefined || this.#stopping) return;
    this.#stopping = new AbortController();
    this.#running = this.#run(this.#path, this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#running;
    this.#stopping = undefined;
  }

  async #run(path: string, stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      await this.#tryToNote(path);
      await wait(everyMs, undefined, { signal: stopping }).catch(() => {});
    }
  }

  async #tryToNote(path: string): Promise<void> {
    let head: ChainHead;
    try {
      head = await readHead(this.#db);
    } catch (error) {
      this.#log.warn({ error }, 'the end of the audit log cannot be read; trying again in a minute');
      return;
    }
    try {
      await this.#note(path, head);
    } catch (error) {
      this.#log.error(
        { error },
        'the audit log cannot be anchored: check AOVIS_AUDIT_ANCHOR_FILE and its disk',
      );
    }
  }

  /** Appends the head, unless it is noted already. */
  async note(path: string): Promise<void> {
    await this.#note(path, await readHead(this.#db));
  }

  async #note(path: string, head: ChainHead): Promise<void> {
    if (head.seq <= this.#noted) return;
    await appendLine(path, formatHead(head));
    this.#noted = head.seq;
  }
}

/** On the disk when it resolves. What a power cut left of a line before stays a line of its own. */
async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    const torn = size > 0 && buffer.toString() !== '\n';
    await file.appendFile(`${torn ? '\n' : ''}${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** `<seq>:<hex hash>`, as in the anchor file and on the command line. */
export function formatHead({ seq, hash }: ChainHead): string {
  return `${seq}:${hash.toString('hex')}`;
}

/** @throws Error with a sentence */
export function parseHead(text: string): ChainHead {
  const [, seq, hash] = /^(\d{1,18}):([0-9a-f]{64})$/.exec(text.trim()) ?? [];
  if (seq === undefined || hash === undefined)
    throw new Error(`«${text.slice(0, 100)}» is no anchor: expected <number>:<64 hex digits>`);
  return { seq: BigInt(seq), hash: Buffer.from(hash, 'hex') };
}

/** What a power cut may leave of a line. */
const tornLine = /^\d{0,18}(:[0-9a-f]{0,63})?$/;

/** The anchors of a file; torn lines are left out. @throws Error with a sentence for a line that is no anchor */
export async function readAnchors(path: string): Promise<ChainHead[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.filter((line) => !tornLine.test(line)).map(parseHead);
}

import { appendFile, readFile } from 'node:fs/promises';
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
      try {
        await this.note(path);
      } catch (error) {
        this.#log.error({ error }, 'the audit log cannot be anchored: check the anchor file and its disk');
      }
      await wait(everyMs, undefined, { signal: stopping }).catch(() => {});
    }
  }

  /** Appends the head, unless it is noted already. */
  async note(path: string): Promise<void> {
    const head = await readHead(this.#db);
    if (head.seq <= this.#noted) return;
    await appendFile(path, `${formatHead(head)}\n`, { mode: 0o600, flush: true });
    this.#noted = head.seq;
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

/** The anchors of a file; a torn last line, from a power cut, is left out. */
export async function readAnchors(path: string): Promise<ChainHead[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.slice(0, -1).map(parseHead);
}

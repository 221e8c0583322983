import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BoardRow } from '../batch/boards-csv.ts';
import type { FactoryCa } from '../ca/ca-store.ts';
import type { Journal } from '../journal/journal.ts';
import { messageOf, Refusal, systemCodeOf } from '../refusal.ts';
import { type CertificateAsk, CsrRefused } from './certificate-request.ts';
import { KnownKeys } from './known-keys.ts';

/** So many problems are told; one mistake of the line often shows in every file. */
const toldProblems = 100;

/** Certificate requests of a batch: `<serial>.csr` or `<serial>.pem`, one for each board, each of a key of its own. */
export class CsrFolder {
  readonly #directory: string;
  readonly #keys: KnownKeys;
  readonly #problems: string[] = [];

  private constructor(directory: string, keys: KnownKeys) {
    this.#directory = directory;
    this.#keys = keys;
  }

  static async open(directory: string, journal: Journal, ca: FactoryCa): Promise<CsrFolder> {
    return new CsrFolder(directory, await KnownKeys.read(journal.standings(), ca));
  }

  /** Verifies the request of one board, before anything happens to any. */
  async examine(row: BoardRow): Promise<void> {
    const problem = await this.#problemOf(row);
    if (problem !== undefined) this.#problems.push(problem);
  }

  /** @throws Refusal of kind csv with what `examine` found */
  refuseProblems(): void {
    if (this.#problems.length === 0) return;
    const more = this.#problems.length - toldProblems;
    throw new Refusal(
      'csv',
      'Not every board has a certificate request that can be signed; nothing was done.',
      { details: [...this.#problems.slice(0, toldProblems), ...(more > 0 ? [`and ${more} more`] : [])] },
    );
  }

  /** The verified request of one board. @throws Refusal */
  async ask(row: BoardRow): Promise<CertificateAsk> {
    try {
      return await this.#read(row);
    } catch (error) {
      if (!(error instanceof CsrRefused)) throw error;
      throw new Refusal('csv', `The request of board ${row.serial} ${error.message}.`, { cause: error });
    }
  }

  async #problemOf(row: BoardRow): Promise<string | undefined> {
    try {
      await this.#read(row);
      return undefined;
    } catch (error) {
      if (!(error instanceof CsrRefused)) throw error;
      return `${row.serial}: the request ${error.message}`;
    }
  }

  async #read(row: BoardRow): Promise<CertificateAsk> {
    return await this.#keys.admit(await this.#content(row.serial), row.serial, { fresh: false });
  }

  async #content(serial: string): Promise<Buffer> {
    for (const name of [`${serial}.csr`, `${serial}.pem`]) {
      try {
        return await readFile(join(this.#directory, name));
      } catch (error) {
        if (systemCodeOf(error) !== 'ENOENT')
          throw new CsrRefused(`cannot be read (${messageOf(error)})`, { cause: error });
      }
    }
    throw new CsrRefused(`is missing (${join(this.#directory, `${serial}.csr`)})`);
  }
}

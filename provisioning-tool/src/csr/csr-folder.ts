import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import type { BoardRow } from '../batch/boards-csv.ts';
import type { FactoryCa } from '../ca/ca-store.ts';
import type { Journal } from '../journal/journal.ts';
import { messageOf, Refusal, systemCodeOf } from '../refusal.ts';
import { type CertificateAsk, CsrRefused, readCertificateRequest } from './certificate-request.ts';

/** So many problems are told; one mistake of the line often shows in every file. */
const toldProblems = 100;

/** Certificate requests of a batch: `<serial>.csr` or `<serial>.pem`, one for each board, each of a key of its own. */
export class CsrFolder {
  readonly #directory: string;
  /** SHA-256 of the public key → whose it is. */
  readonly #owners: Map<string, string>;
  readonly #problems: string[] = [];

  private constructor(directory: string, owners: Map<string, string>) {
    this.#directory = directory;
    this.#owners = owners;
  }

  /** Knows the keys of all boards that were ever issued, and our CAs' own. */
  static async open(directory: string, journal: Journal, ca: FactoryCa): Promise<CsrFolder> {
    const owners = new Map<string, string>();
    for (const { publicKey } of [
      ca.root,
      ...[...ca.issuers.values()].map(({ certificate }) => certificate),
    ]) {
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      owners.set(createHash('sha256').update(spki).digest('hex'), 'our own CA');
    }
    for await (const { board } of journal.standings())
      owners.set(board.public_key_sha256, `board ${board.serial}`);
    return new CsrFolder(directory, owners);
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
    const ask = await readCertificateRequest(await this.#content(row.serial));
    const { commonName, publicKeySha256 } = ask;
    const names = [row.serial, deviceIdOf(row.serial)];
    if (commonName !== undefined && !names.includes(commonName))
      throw new CsrRefused(`is made out to «${commonName}», not to ${row.serial}: files were mixed up`);
    const owner = this.#owners.get(publicKeySha256);
    const own = `board ${row.serial}`;
    if (owner !== undefined && owner !== own)
      throw new CsrRefused(
        `has the key of ${owner}: a chip was cloned, its random numbers are broken, or a file was copied`,
      );
    this.#owners.set(publicKeySha256, own);
    return ask;
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

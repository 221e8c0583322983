import { createHash } from 'node:crypto';
import { deviceIdOf } from '@aovis/contracts/ids';
import type { FactoryCa } from '../ca/ca-store.ts';
import type { BoardStanding } from '../journal/journal.ts';
import { type CertificateAsk, CsrRefused, readCertificateRequest } from './certificate-request.ts';

/** Whose each key is that was ever certified here: no two boards have one, and no board has one for ever. */
export class KnownKeys {
  /** SHA-256 of the public key → whose it is. */
  readonly #owners = new Map<string, string>();

  /** The keys of all boards that were ever issued, and our CAs' own. */
  static async read(standings: AsyncIterable<BoardStanding>, ca: FactoryCa): Promise<KnownKeys> {
    const known = new KnownKeys();
    const certificates = [ca.root, ...[...ca.issuers.values()].map(({ certificate }) => certificate)];
    for (const { publicKey } of certificates) {
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      known.#owners.set(createHash('sha256').update(spki).digest('hex'), 'our own CA');
    }
    for await (const { board } of standings)
      known.#owners.set(board.public_key_sha256, ownerOf(board.serial));
    return known;
  }

  /**
   * Reads and verifies the request of a board (`readCertificateRequest`), which must be made out to it, or to nobody, and
   * for a key that no other board has. `fresh`: nor this one, now or formerly.
   * @throws CsrRefused
   */
  async admit(content: Buffer, serial: string, { fresh }: { fresh: boolean }): Promise<CertificateAsk> {
    const ask = await readCertificateRequest(content);
    const { commonName, publicKeySha256 } = ask;
    if (commonName !== undefined && ![serial, deviceIdOf(serial)].includes(commonName))
      throw new CsrRefused(`is made out to «${commonName}», not to ${serial}: files were mixed up`);
    const owner = this.#owners.get(publicKeySha256);
    if (owner !== undefined && owner !== ownerOf(serial))
      throw new CsrRefused(
        `has the key of ${owner}: a chip was cloned, its random numbers are broken, or a file was copied`,
      );
    if (owner !== undefined && fresh)
      throw new CsrRefused('has a key that this board has or had; make a new key on the board first');
    this.#owners.set(publicKeySha256, ownerOf(serial));
    return ask;
  }
}

const ownerOf = (serial: string): string => `board ${serial}`;

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Bundle } from './bundle.ts';
import type { IdentityPaths } from './identity-store.ts';

/** A key and its certificate, with what is read from the latter. */
export type Identity = Pick<
  Bundle,
  'privateKey' | 'certificate' | 'certificateId' | 'notBefore' | 'notAfter'
>;

/** Key and certificate of a rotation, which were checked when they were kept. */
export async function readIdentity(paths: IdentityPaths): Promise<Identity> {
  const [privateKey, certificate] = await Promise.all([
    readFile(paths.privateKey, 'utf8'),
    readFile(paths.certificate, 'utf8'),
  ]);
  const leaf = new X509Certificate(certificate);
  return {
    privateKey,
    certificate,
    certificateId: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: new Date(leaf.validFrom),
    notAfter: new Date(leaf.validTo),
  };
}

/**
 * By which identity the board speaks at the moment. After a restart in the middle of a rotation two may be right: the cloud has
 * put one of them out of use, or will. Then each attempt that is refused is followed by one with the other.
 */
export class BoardIdentity {
  #current: Identity;
  #other: Identity | undefined;

  /** `other` is tried when `current` is refused. */
  constructor(current: Identity, other?: Identity) {
    this.#current = current;
    this.#other = other;
  }

  get current(): Identity {
    return this.#current;
  }

  /** By this one and no other from now on; counts at the next connection. */
  use(identity: Identity): void {
    this.#current = identity;
    this.#other = undefined;
  }

  /** An attempt to connect ended before the cloud accepted it. */
  noteRefused(): void {
    if (this.#other === undefined) return;
    [this.#current, this.#other] = [this.#other, this.#current];
  }

  /** The bundle, whose key and certificate are those of the moment. */
  within(bundle: Bundle): Bundle {
    const current = (): Identity => this.#current;
    return {
      ...bundle,
      get privateKey() {
        return current().privateKey;
      },
      get certificate() {
        return current().certificate;
      },
      get certificateId() {
        return current().certificateId;
      },
      get notBefore() {
        return current().notBefore;
      },
      get notAfter() {
        return current().notAfter;
      },
    };
  }
}

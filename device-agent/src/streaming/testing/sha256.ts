import { createHash, createHmac } from 'node:crypto';

type Key = string | NodeJS.ArrayBufferView;

/** SHA-256, with a key HMAC, in the shape that AWS's signer asks for. */
export class Sha256 {
  readonly #hash;

  constructor(key?: unknown) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key as Key);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {}
}

import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Store, Table } from '../kernel/store.ts';

/** The signing key and those a verifier may still need after rotations. */
const mostKeys = 3;

/** The signing keys of one issuer, newest last. */
export class SigningKeys {
  readonly #table: Table<JWK[]>;
  readonly #provider: string;
  #firstKey: Promise<unknown> | undefined;

  constructor(store: Store, provider: string) {
    this.#table = store.table('identity-keys');
    this.#provider = provider;
  }

  /** What the JWKS shows: the public halves. */
  async publicKeys(): Promise<Record<string, string | undefined>[]> {
    const keys = await this.#keys();
    return keys.map(({ kty, kid, n, e }) => ({ kty, alg: 'RS256', use: 'sig', kid, n, e }));
  }

  /** A new key signs from now on; `forget` drops the older ones at once, as after a leak. Returns its id. */
  async rotate(forget: boolean): Promise<string> {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    const before = forget ? [] : (this.#table.get(this.#provider) ?? []);
    this.#table.put(this.#provider, [...before, { ...jwk, kid }].slice(-mostKeys));
    return kid;
  }

  /** Signs with the newest key. */
  async sign(claims: Record<string, unknown>): Promise<string> {
    const key = (await this.#keys()).at(-1);
    if (key?.kid === undefined) throw new Error('The issuer has no signing key');
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'JWT' })
      .sign(await importJWK(key, 'RS256'));
  }

  async #keys(): Promise<JWK[]> {
    if ((this.#table.get(this.#provider)?.length ?? 0) === 0) {
      // Who asks meanwhile waits for the same key: a second one would make the first worthless.
      this.#firstKey ??= this.rotate(true).finally(() => {
        this.#firstKey = undefined;
      });
      await this.#firstKey;
    }
    return this.#table.get(this.#provider) ?? [];
  }
}

/** What the sign-in routes answer, as far as it must be kept. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** Where an app keeps its sign-in: a keychain on a phone, memory in a test. */
export interface TokenStore {
  read(): Promise<Tokens | undefined>;
  /** Undefined: signed out. */
  write(tokens: Tokens | undefined): Promise<void>;
}

export class MemoryTokenStore implements TokenStore {
  #tokens: Tokens | undefined;

  constructor(tokens?: Tokens) {
    this.#tokens = tokens;
  }

  async read(): Promise<Tokens | undefined> {
    return this.#tokens;
  }

  async write(tokens: Tokens | undefined): Promise<void> {
    this.#tokens = tokens;
  }
}

/** Exchanges a refresh token; undefined when it is worth nothing any more. Throws when the answer never came. */
export type Exchange = (refreshToken: string) => Promise<Tokens | undefined>;

/**
 * Renews the sign-in, one exchange at a time: a refresh token that is used twice ends its whole family, so requests
 * that are refused together wait for the same exchange.
 */
export class TokenRefresh {
  readonly #store: TokenStore;
  readonly #exchange: Exchange;
  #running: Promise<Tokens | undefined> | undefined;

  constructor(store: TokenStore, exchange: Exchange) {
    this.#store = store;
    this.#exchange = exchange;
  }

  /** Tokens that are newer than the one that was refused; undefined: sign in again. */
  async after(refusedAccessToken: string): Promise<Tokens | undefined> {
    this.#running ??= this.#renew(refusedAccessToken).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #renew(refusedAccessToken: string): Promise<Tokens | undefined> {
    const stored = await this.#store.read();
    if (stored === undefined || stored.accessToken !== refusedAccessToken) return stored;
    const renewed = await this.#exchange(stored.refreshToken);
    await this.#store.write(renewed);
    return renewed;
  }
}

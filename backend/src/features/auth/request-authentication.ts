import { AppError } from '../../kernel/errors.ts';
import type { SessionCookie } from './session-cookie.ts';
import type { SessionService, SignedInSession } from './session-service.ts';

/** What of a request says who sent it. */
export interface Credentials {
  method: string;
  /** Value of a request header, by any case. */
  header(name: string): string | undefined;
}

const safeMethods = new Set(['GET', 'HEAD']);

/** Finds out who sent a request: by its bearer token or, when it has none, by the browser's cookie. */
export class RequestAuthentication {
  readonly #sessions: SessionService;
  readonly #cookie: SessionCookie;
  readonly #ownOrigin: string;

  /** @param publicUrl where browsers reach this service: pages of no other origin may act for who is signed in */
  constructor(dependencies: { sessions: SessionService; cookie: SessionCookie; publicUrl: string }) {
    this.#sessions = dependencies.sessions;
    this.#cookie = dependencies.cookie;
    this.#ownOrigin = new URL(dependencies.publicUrl).origin;
  }

  /** Whether the request says who sent it, truly or not. */
  isPresent(credentials: Credentials): boolean {
    return credentials.header('authorization') !== undefined || this.#cookieOf(credentials) !== undefined;
  }

  /** @throws AppError unauthorized; csrf_refused when a cookie would change something for a page of another origin */
  async authenticate(credentials: Credentials): Promise<SignedInSession> {
    const authorization = credentials.header('authorization');
    if (authorization !== undefined) return this.#sessions.authenticate(authorization);
    const token = this.#cookieOf(credentials);
    if (token === undefined) throw new AppError('unauthorized');
    this.assertOwnPage(credentials);
    return this.#sessions.authenticateWeb(token);
  }

  /**
   * Browsers say which page a request comes from, in headers that no page can write (Fetch Standard, «Origin»; W3C Fetch
   * Metadata).
   * @throws AppError csrf_refused
   */
  assertOwnPage(credentials: Credentials): void {
    if (safeMethods.has(credentials.method)) return;
    const origin = credentials.header('origin');
    const site = credentials.header('sec-fetch-site');
    const isOwn = origin === undefined ? site === 'same-origin' : origin === this.#ownOrigin;
    if (!isOwn) throw new AppError('csrf_refused');
  }

  #cookieOf(credentials: Credentials): string | undefined {
    return this.#cookie.read(credentials.header('cookie'));
  }
}

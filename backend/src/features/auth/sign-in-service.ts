import { type SignedIn, type SignInProvider, signInProviders } from '@aovis/contracts/http/auth';
import { type Database, transaction } from '../../db/database.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import type { IdTokenVerifier } from './id-token-verifier.ts';
import type { Asker, SessionService, WebSession } from './session-service.ts';
import { type Identity, type User, UserRepository } from './user-repository.ts';

/** What a way of signing in has proved. */
export interface ProvedIdentity extends Identity {
  email: string | undefined;
  emailVerified: boolean;
  name: string | undefined;
}

export interface ProviderRequest {
  provider: string;
  idToken: string;
  nonce: string | undefined;
}

/** A browser that is signed in. */
export type SignedInBrowser = WebSession & Pick<SignedIn, 'user'>;

/** Turns a proved identity into a user and a session. */
export class SignInService {
  readonly #db: Database;
  readonly #sessions: SessionService;
  readonly #idTokens: IdTokenVerifier;

  constructor(dependencies: { db: Database; sessions: SessionService; idTokens: IdTokenVerifier }) {
    this.#db = dependencies.db;
    this.#sessions = dependencies.sessions;
    this.#idTokens = dependencies.idTokens;
  }

  /** @throws AppError invalid_provider, invalid_token, provider_unavailable */
  async signInWithProvider(request: ProviderRequest, asker: Asker): Promise<SignedIn> {
    return this.#withProvider(request, asker, (trx, identity) => this.signIn(trx, identity, asker));
  }

  /** As `signInWithProvider`, for a browser. */
  async signInBrowserWithProvider(request: ProviderRequest, asker: Asker): Promise<SignedInBrowser> {
    return this.#withProvider(request, asker, (trx, identity) => this.signInBrowser(trx, identity, asker));
  }

  async #withProvider<Result>(
    request: ProviderRequest,
    asker: Asker,
    signIn: (trx: Database, identity: ProvedIdentity) => Promise<Result | undefined>,
  ): Promise<Result> {
    const provider = signInProviders.find((known) => known === request.provider);
    if (provider === undefined) throw new AppError('invalid_provider');
    const identity = await this.#verify(provider, request, asker);
    const signedIn = await transaction(this.#db, (trx) => signIn(trx, identity));
    if (signedIn === undefined) throw new AppError('invalid_token');
    return signedIn;
  }

  async #verify(
    provider: SignInProvider,
    { idToken, nonce }: { idToken: string; nonce: string | undefined },
    { requestId }: Asker,
  ): Promise<ProvedIdentity> {
    try {
      return await this.#idTokens.verify(provider, idToken, nonce);
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'internal_error';
      await transaction(this.#db, (trx) =>
        record(trx, {
          action: 'session.open',
          actor: { kind: 'anonymous' },
          subject: { kind: 'provider', id: provider },
          outcome: 'refused',
          details: { code },
          requestId,
        }),
      );
      throw error;
    }
  }

  /** In the transaction that used up the proof. Undefined (with its audit row) when the account is closed. */
  async signIn(trx: Database, identity: ProvedIdentity, asker: Asker): Promise<SignedIn | undefined> {
    const { user, session } = await this.#open(trx, identity, asker, (userId) =>
      this.#sessions.open(trx, userId, identity.provider, asker),
    );
    return session && { ...session, user };
  }

  /** As `signIn`, for a browser. */
  async signInBrowser(
    trx: Database,
    identity: ProvedIdentity,
    asker: Asker,
  ): Promise<SignedInBrowser | undefined> {
    const { user, session } = await this.#open(trx, identity, asker, (userId) =>
      this.#sessions.openWeb(trx, userId, identity.provider, asker),
    );
    return session && { ...session, user };
  }

  async #open<Session>(
    trx: Database,
    identity: ProvedIdentity,
    asker: Asker,
    open: (userId: string) => Promise<Session>,
  ): Promise<{ user: SignedIn['user']; session: Session | undefined }> {
    const user = await findOrCreateUser(new UserRepository(trx), identity);
    const session = user.active ? await open(user.id) : undefined;
    await record(trx, {
      action: 'session.open',
      actor: { kind: 'user', id: user.id },
      subject: { kind: 'provider', id: identity.provider },
      outcome: session === undefined ? 'refused' : 'ok',
      details: session === undefined ? { code: 'account_closed' } : {},
      requestId: asker.requestId,
    });
    return { user: viewOf(user), session };
  }
}

/**
 * The identity's own user; else the user who proved the same e-mail address, if this identity proves it too (one
 * unverified side would let a stranger wait in an account for its victim); else a new one.
 */
async function findOrCreateUser(users: UserRepository, identity: ProvedIdentity): Promise<User> {
  await users.lock(identity, identity.email);
  const known = await users.findByIdentity(identity);
  if (known !== undefined) return known;
  const { email, emailVerified, name } = identity;
  const sameEmail = email !== undefined && emailVerified ? await users.findByVerifiedEmail(email) : undefined;
  const user = sameEmail ?? (await users.insert({ email, emailVerified, displayName: name }));
  await users.addIdentity(user.id, identity);
  return user;
}

function viewOf({ id, email, displayName }: User): SignedIn['user'] {
  return { id, email: email ?? null, display_name: displayName ?? null };
}

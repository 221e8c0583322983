import type { SignInProvider } from '@aovis/contracts/http/auth';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { readEmail } from '../../kernel/email.ts';
import { AppError } from '../../kernel/errors.ts';

export interface ProviderSettings {
  issuers: readonly string[];
  jwksUrl: string;
  /** Our client ids there; none: sign-in with this provider is switched off. */
  audiences: readonly string[];
}

/** Who the provider says it is. */
export interface ProviderIdentity {
  provider: SignInProvider;
  subject: string;
  email: string | undefined;
  emailVerified: boolean;
  name: string | undefined;
}

export interface IdTokenVerifier {
  /** @throws AppError invalid_token, provider_unavailable */
  verify(provider: SignInProvider, idToken: string, nonce: string | undefined): Promise<ProviderIdentity>;
}

/** Both providers sign with RS256 (their JWKS say so); anything else is refused whatever the token claims. */
const algorithms = ['RS256'];
const clockToleranceSeconds = 30;
const jwksTimeoutMs = 5_000;

/** People choose their names; the database takes no zero character and no half of a surrogate pair. */
const storable = (text: string): string => text.toWellFormed().replace(/\p{Cc}/gu, ' ');

/** Apple sends `email_verified` as a boolean or as a text. */
const profileSchema = z.object({
  sub: z.string().min(1).max(255),
  email: z.string().optional().catch(undefined),
  email_verified: z.union([z.boolean(), z.stringbool()]).optional().catch(undefined),
  name: z.string().max(128).transform(storable).optional().catch(undefined),
});

/** Checks id tokens against the provider's published keys (OpenID Connect Core 1.0, 3.1.3.7). */
export class JoseIdTokenVerifier implements IdTokenVerifier {
  readonly #providers: Record<
    SignInProvider,
    ProviderSettings & { keys: ReturnType<typeof createRemoteJWKSet> }
  >;
  readonly #clock: Clock;

  constructor(providers: Record<SignInProvider, ProviderSettings>, clock: Clock) {
    const withKeys = (settings: ProviderSettings) => ({
      ...settings,
      keys: createRemoteJWKSet(new URL(settings.jwksUrl), { timeoutDuration: jwksTimeoutMs }),
    });
    this.#providers = { google: withKeys(providers.google), apple: withKeys(providers.apple) };
    this.#clock = clock;
  }

  async verify(
    provider: SignInProvider,
    idToken: string,
    nonce: string | undefined,
  ): Promise<ProviderIdentity> {
    const { keys, issuers, audiences } = this.#providers[provider];
    if (audiences.length === 0)
      throw new AppError('provider_unavailable', { details: { reason: 'not_configured' } });
    const payload = await jwtVerify(idToken, keys, {
      algorithms,
      issuer: [...issuers],
      audience: [...audiences],
      requiredClaims: ['sub', 'iat', 'exp'],
      clockTolerance: clockToleranceSeconds,
      currentDate: this.#clock.now(),
    }).then((result) => result.payload, rethrow);
    return identityOf(provider, payload, nonce);
  }
}

function identityOf(
  provider: SignInProvider,
  payload: JWTPayload,
  nonce: string | undefined,
): ProviderIdentity {
  // A token that was asked for with a nonce is of use only to who knows it.
  if (payload.nonce !== nonce) throw new AppError('invalid_token');
  const profile = profileSchema.safeParse(payload);
  if (!profile.success) throw new AppError('invalid_token', { cause: profile.error });
  const { sub, email_verified: emailVerified, name } = profile.data;
  const email = readEmail(profile.data.email ?? '');
  return {
    provider,
    subject: sub,
    email,
    emailVerified: email !== undefined && emailVerified === true,
    name,
  };
}

/** The token's fault, or the provider's: keys that cannot be fetched or read. */
function rethrow(error: unknown): never {
  const tokensFault =
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC';
  if (tokensFault) throw new AppError('invalid_token', { cause: error });
  throw new AppError('provider_unavailable', { cause: error, retryAfterMs: 5_000 });
}

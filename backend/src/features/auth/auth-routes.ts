import {
  closeWebSession,
  createAppToken,
  openWebSession,
  refreshAppToken,
  requestMagicLink,
  revokeAppToken,
  verifyMagicLink,
} from '@aovis/contracts/http/auth';
import type { RequestContext } from '../../http/request-context.ts';
import { handle, type Route } from '../../http/route.ts';
import { AppError } from '../../kernel/errors.ts';
import { readRequesterCookie, requesterCookie } from './magic-link-cookie.ts';
import { type MagicLinkService, magicLinkTtlSeconds } from './magic-link-service.ts';
import type { RequestAuthentication } from './request-authentication.ts';
import type { SessionCookie } from './session-cookie.ts';
import type { Asker, SessionService } from './session-service.ts';
import type { ProviderRequest, SignInService } from './sign-in-service.ts';

export interface AuthRouteDependencies {
  signIns: SignInService;
  sessions: SessionService;
  magicLinks: MagicLinkService;
  authentication: RequestAuthentication;
  cookie: SessionCookie;
}

export function authRoutes(dependencies: AuthRouteDependencies): Route[] {
  const { signIns, sessions, magicLinks } = dependencies;
  return [
    ...webSessionRoutes(dependencies),
    handle(
      createAppToken,
      async ({ body, requestContext }) => {
        return {
          status: 200 as const,
          body: await signIns.signInWithProvider(providerRequestOf(body), askerOf(requestContext)),
        };
      },
      { limits: ['sign-in'] },
    ),
    handle(
      refreshAppToken,
      async ({ body, requestContext }) => {
        const { refresh_token: token } = required(body, ['refresh_token']);
        return { status: 200 as const, body: await sessions.refresh(token, askerOf(requestContext)) };
      },
      { limits: ['refresh'] },
    ),
    handle(revokeAppToken, async ({ user, requestContext }) => {
      await sessions.revoke({ userId: user.id, sessionId: user.sessionId }, askerOf(requestContext));
      return { status: 200 as const, body: { revoked: true as const } };
    }),
    handle(
      requestMagicLink,
      async ({ body, requestContext }) => {
        const { email } = required(body, ['email']);
        const { requestSecret } = await magicLinks.request(email, askerOf(requestContext));
        return {
          status: 202 as const,
          body: { sent: true as const, request_secret: requestSecret, expires_in: magicLinkTtlSeconds },
          headers: { 'Set-Cookie': requesterCookie(requestSecret, magicLinkTtlSeconds) },
        };
      },
      { limits: ['magic-link'] },
    ),
    handle(
      verifyMagicLink,
      async ({ body, requestContext }) => {
        const { token } = required(body, ['token']);
        const requestSecret =
          body.request_secret ?? readRequesterCookie(requestContext.header('cookie')) ?? '';
        const signedIn = await magicLinks.verify({ token, requestSecret }, askerOf(requestContext));
        return { status: 200 as const, body: signedIn };
      },
      { limits: ['sign-in'] },
    ),
  ];
}

function webSessionRoutes({
  signIns,
  sessions,
  magicLinks,
  authentication,
  cookie,
}: AuthRouteDependencies): Route[] {
  return [
    handle(
      openWebSession,
      async ({ body, requestContext }) => {
        // A page of another origin must not sign somebody in either: as its own author, for instance.
        authentication.assertOwnPage(requestContext);
        const asker = askerOf(requestContext);
        const signedIn =
          body.token === undefined || body.token === null
            ? await signIns.signInBrowserWithProvider(providerRequestOf(body), asker)
            : await magicLinks.verifyForBrowser(
                {
                  token: body.token,
                  requestSecret: readRequesterCookie(requestContext.header('cookie')) ?? '',
                },
                asker,
              );
        return {
          status: 200 as const,
          body: { user: signedIn.user, expires_at: signedIn.expiresAt.toISOString() },
          headers: { 'Set-Cookie': cookie.write(signedIn.token, signedIn.maxAgeSeconds) },
        };
      },
      { limits: ['sign-in'] },
    ),
    handle(closeWebSession, async ({ user, requestContext }) => {
      await sessions.revoke({ userId: user.id, sessionId: user.sessionId }, askerOf(requestContext));
      return {
        status: 200 as const,
        body: { revoked: true as const },
        headers: { 'Set-Cookie': cookie.clear() },
      };
    }),
  ];
}

type ProviderBody = {
  provider?: string | null | undefined;
  id_token?: string | null | undefined;
  nonce?: string | null | undefined;
};

function providerRequestOf(body: ProviderBody): ProviderRequest {
  const { provider, id_token: idToken } = required(body, ['provider', 'id_token']);
  return { provider, idToken, nonce: body.nonce ?? undefined };
}

function askerOf({ requestId, userAgent }: RequestContext): Asker {
  return { requestId, userAgent };
}

type Filled<Body, Name extends keyof Body> = { [Field in Name]-?: NonNullable<Body[Field]> };

/** @throws AppError missing_fields naming each of `names` that is absent, null or empty */
function required<Body extends object, Name extends keyof Body & string>(
  body: Body,
  names: readonly Name[],
): Filled<Body, Name> {
  const missing = names.filter(
    (name) => body[name] === undefined || body[name] === null || body[name] === '',
  );
  if (missing.length > 0) {
    throw new AppError('missing_fields', {
      details: missing.map((name) => ({ path: `body.${name}`, message: 'Required' })),
    });
  }
  return body as unknown as Filled<Body, Name>;
}

import {
  createAppToken,
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
import type { Asker, SessionService } from './session-service.ts';
import type { SignInService } from './sign-in-service.ts';

export interface AuthRouteDependencies {
  signIns: SignInService;
  sessions: SessionService;
  magicLinks: MagicLinkService;
}

export function authRoutes({ signIns, sessions, magicLinks }: AuthRouteDependencies): Route[] {
  return [
    handle(
      createAppToken,
      async ({ body, requestContext }) => {
        const { provider, id_token: idToken } = required(body, ['provider', 'id_token']);
        const request = { provider, idToken, nonce: body.nonce ?? undefined };
        return {
          status: 200 as const,
          body: await signIns.signInWithProvider(request, askerOf(requestContext)),
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

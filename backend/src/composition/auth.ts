import { authRoutes } from '../features/auth/auth-routes.ts';
import { MagicLinkService } from '../features/auth/magic-link-service.ts';
import { SignInService } from '../features/auth/sign-in-service.ts';
import { magicLinkPagePath } from '../http/pages.ts';
import type { Core, Feature } from './core.ts';

export function composeAuth({ config, adapters, sessions, authentication, cookie }: Core): Feature {
  const { db, clock, mailer, idTokens } = adapters;
  const signIns = new SignInService({ db, sessions, idTokens });
  const magicLinks = new MagicLinkService({
    db,
    clock,
    signIns,
    mailer,
    linkSecret: config.sessionSecret,
    pageUrl: `${config.publicUrl}${magicLinkPagePath}`,
  });
  return {
    routes: authRoutes({ signIns, sessions, magicLinks, authentication, cookie }),
    outboxHandlers: magicLinks.outboxHandlers(),
  };
}

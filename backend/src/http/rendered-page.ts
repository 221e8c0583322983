import type { Express } from 'express';
import { AppError } from '../kernel/errors.ts';
import type { Html } from './html.ts';
import { type Authenticate, methodNotAllowed } from './mount.ts';
import { contextOf, type RequestContext } from './request-context.ts';
import type { SignedInUser } from './route.ts';

/** A page for a person, made on the server: it needs no script. */
export interface RenderedPage {
  path: string;
  render(input: {
    query: Readonly<Record<string, unknown>>;
    visitor: SignedInUser | undefined;
    requestContext: RequestContext;
  }): Promise<PageAnswer>;
}

export type PageAnswer =
  | { html: Html; headers?: Record<string, string> }
  /** Only to an address of ours. */
  | { redirectTo: string; headers?: Record<string, string> };

/** Pages show what belongs to who looks at them: no cache keeps them, and no other site is told where one was. */
const pageHeaders = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' };

export function mountRenderedPages(
  app: Express,
  pages: readonly RenderedPage[],
  authenticate: Authenticate,
): void {
  for (const page of pages) {
    app.get(page.path, async (request, response) => {
      const requestContext = contextOf(request);
      const visitor = await authenticate(requestContext).catch(asGuest);
      const answer = await page.render({ query: request.query, visitor, requestContext });
      for (const [name, value] of Object.entries({ ...pageHeaders, ...answer.headers }))
        response.setHeader(name, value);
      if ('redirectTo' in answer) response.redirect(303, answer.redirectTo);
      else response.type('html').send(answer.html.text);
    });
    app.all(page.path, methodNotAllowed(['GET', 'HEAD']));
  }
}

/** A page is shown to everybody; who is not signed in, or not any more, is a guest. */
function asGuest(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'unauthorized') return undefined;
  throw error;
}

import type { RequestContext } from '../../http/request-context.ts';
import type { SignedInUser } from '../../http/route.ts';
import type { Staff } from './staff.ts';

/** Who asks, of the input of a route. */
export function staffOf({
  user,
  requestContext,
}: {
  user: SignedInUser;
  requestContext: RequestContext;
}): Staff {
  return { userId: user.id, requestId: requestContext.requestId };
}

import { createHash } from 'node:crypto';
import { StripeError } from './errors.ts';
import type { StoredAnswer, StripeState } from './state.ts';

const longestKey = 255;
/** Keys are forgotten after a day (docs.stripe.com/api/idempotent_requests). */
const keptSeconds = 24 * 60 * 60;

/** The stored answer to the key; undefined for a first use. Throws when it was used for something else. */
export function findAnswer(
  state: StripeState,
  key: string,
  request: { endpoint: string; body: string },
  nowSeconds: number,
): StoredAnswer | undefined {
  if (key.length > longestKey)
    throw new StripeError(`The idempotency key is longer than ${longestKey} characters.`);
  const stored = state.answers.get(key);
  if (stored === undefined) return undefined;
  if (stored.createdAt + keptSeconds <= nowSeconds) {
    state.answers.delete(key);
    return undefined;
  }
  const refuse = (same: string) =>
    new StripeError(
      `Keys for idempotent requests can only be used ${same}. Try using a key other than '${key}' if you meant to execute a different request.`,
      { type: 'idempotency_error' },
    );
  if (stored.endpoint !== request.endpoint)
    throw refuse(`for the same endpoint they were first used for ('${stored.endpoint}')`);
  if (stored.fingerprint !== fingerprint(request.body))
    throw refuse('with the same parameters they were first used with');
  return stored;
}

/** A digest of the parameters that does not mind their order. */
export function fingerprint(body: string): string {
  const pairs = [...new URLSearchParams(body)].map((pair) => JSON.stringify(pair)).toSorted();
  return createHash('sha256').update(pairs.join('\n')).digest('hex');
}

import { StripeError } from './errors.ts';
import { pageOf } from './lists.ts';
import type { StripeState } from './state.ts';

const maxDepth = 4;

/** Replaces ids by the objects they stand for, along `data.payment_intent.latest_charge` (docs.stripe.com/api/expanding_objects). */
export function expand(value: unknown, paths: readonly string[] | undefined, state: StripeState): unknown {
  return (paths ?? []).reduce((result, path) => {
    const keys = path.split('.');
    if (keys.length > maxDepth)
      throw new StripeError(
        `You cannot expand more than ${maxDepth} levels of a property. Property: ${path}`,
      );
    return expandPath(result, keys, path, state);
  }, value);
}

function expandPath(value: unknown, keys: readonly string[], path: string, state: StripeState): unknown {
  const [key, ...rest] = keys;
  if (key === undefined || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => expandPath(item, keys, path, state));
  if (typeof value !== 'object') throw cannotExpand(path);
  const members = value as Record<string, unknown>;
  if (key === 'line_items' && members['object'] === 'checkout.session') {
    const id = String(members['id']);
    const items = state.sessionDetails.get(id)?.lineItems ?? [];
    const list = pageOf(items, `/v1/checkout/sessions/${id}/line_items`, { limit: 10 });
    return { ...members, line_items: expandPath(list, rest, path, state) };
  }
  if (!(key in members)) throw cannotExpand(path);
  const below = members[key];
  const object = typeof below === 'string' ? findObject(below, state) : below;
  if (object === undefined || (rest.length === 0 && typeof below !== 'string' && below !== null))
    throw cannotExpand(path);
  return { ...members, [key]: expandPath(object, rest, path, state) };
}

function findObject(id: string, state: StripeState): object | undefined {
  return state.paymentIntents.find(id) ?? state.charges.find(id) ?? state.refunds.find(id);
}

function cannotExpand(path: string): StripeError {
  return new StripeError(`This property cannot be expanded (${path}).`, { param: 'expand' });
}

import { noSuch } from './errors.ts';
import type { Page } from './params.ts';

export interface StripeList<T> {
  object: 'list';
  data: T[];
  has_more: boolean;
  url: string;
}

/** One page of a list that is newest first (docs.stripe.com/api/pagination). */
export function pageOf<T extends { id: string }>(
  items: readonly T[],
  url: string,
  { limit, starting_after, ending_before, created }: Page,
): StripeList<T> {
  const fits = items.filter((item) => isWithin(item, created));
  const indexOf = (id: string, param: string): number => {
    const index = fits.findIndex((item) => item.id === id);
    if (index === -1) throw noSuch('object', id, param, 400);
    return index;
  };
  if (ending_before !== undefined) {
    const end = indexOf(ending_before, 'ending_before');
    const start = Math.max(0, end - limit);
    return { object: 'list', data: fits.slice(start, end), has_more: start > 0, url };
  }
  const start = starting_after === undefined ? 0 : indexOf(starting_after, 'starting_after') + 1;
  const data = fits.slice(start, start + limit);
  return { object: 'list', data, has_more: start + data.length < fits.length, url };
}

function isWithin(item: object, created: Page['created']): boolean {
  if (created === undefined || !('created' in item)) return true;
  const at = Number(item.created);
  const { gt, gte, lt, lte } = { gt: undefined, lt: undefined, ...created };
  return (
    (gt === undefined || at > gt) &&
    (gte === undefined || at >= gte) &&
    (lt === undefined || at < lt) &&
    (lte === undefined || at <= lte)
  );
}

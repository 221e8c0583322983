import { z } from 'zod';
import { invalidRequest } from '../errors.ts';
import { flag } from './operation.ts';

/** How many a page has when the caller does not say. */
const defaultPageSize = 25;
const size = z.coerce.number().int().min(1).max(250).optional();

/** The API pages in two dialects; an operation takes one of these into its input. */
export const markerInput = {
  marker: z.string().optional(),
  pageSize: size,
  isAscendingOrder: flag.optional(),
};
export const tokenInput = { nextToken: z.string().optional(), maxResults: size };

/** A page of `items` in the order of `keyOf`; tokens name the last key given, so deletions in between do no harm. */
export function page<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  request: { token: string | undefined; size: number | undefined; descending?: boolean },
): { items: T[]; next: string | undefined } {
  const direction = request.descending === true ? -1 : 1;
  const compare = (a: string, b: string): number => (a < b ? -direction : a > b ? direction : 0);
  const after = request.token === undefined ? undefined : readToken(request.token);
  const rest = items
    .map((item) => ({ key: keyOf(item), item }))
    .filter(({ key }) => after === undefined || compare(key, after) > 0)
    .sort((a, b) => compare(a.key, b.key));
  const taken = rest.slice(0, request.size ?? defaultPageSize);
  const last = taken.at(-1);
  const more = last !== undefined && rest.length > taken.length;
  return {
    items: taken.map(({ item }) => item),
    next: more ? Buffer.from(JSON.stringify([last.key])).toString('base64url') : undefined,
  };
}

function readToken(token: string): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (Array.isArray(value) && typeof value[0] === 'string') return value[0];
  } catch {
    // The refusal below says it.
  }
  throw invalidRequest('The page token is not one that this operation gave out');
}

/** Orders by time first; ids make the order complete. */
export function chronological(at: number, id: string): string {
  return `${String(at).padStart(15, '0')} ${id}`;
}

import { invalidRequest } from './errors.ts';

/** One page of a sorted list; the token is the last item of the page before, opaque to clients. */
export function pageOf(
  items: readonly string[],
  query: URLSearchParams,
  { name: sizeParameter, most }: { name: string; most: number },
): { items: string[]; nextToken?: string } {
  const size = Number(query.get(sizeParameter) ?? defaultSize);
  if (!Number.isInteger(size) || size < 1 || size > most) {
    throw invalidRequest(`${sizeParameter} must be 1 to ${most}`);
  }
  const token = query.get('nextToken');
  const after = token === null ? undefined : Buffer.from(token, 'base64url').toString('utf8');
  const rest = after === undefined ? items : items.filter((item) => item > after);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  return rest.length > size && last !== undefined
    ? { items: page, nextToken: Buffer.from(last).toString('base64url') }
    : { items: page };
}

/** Of a page when the caller does not say: ListSubscriptions' default; those of the other lists are not published. */
const defaultSize = 20;

import { invalidRequest } from './errors.ts';

/** One page of a sorted list; the token is the last item of the page before, opaque to clients. */
export function pageOf(
  items: readonly string[],
  query: URLSearchParams,
  sizeParameter: string,
): { items: string[]; nextToken?: string } {
  const size = Number(query.get(sizeParameter) ?? defaultSize);
  if (!Number.isInteger(size) || size < 1 || size > maxSize) {
    throw invalidRequest(`${sizeParameter} must be 1 to ${maxSize}`);
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

const defaultSize = 20;
const maxSize = 200;

/**
 * The carrier's signature does not escape values: `{"a":"1","b":"2"}` and `{"a":"1&b=2"}` have the same one, so a
 * captured message could be split anew. No name and no text may therefore hold & or =.
 * Returns the path of the first that does; the message means one thing only when there is none.
 */
export function findAmbiguity(value: unknown, path = 'body'): string | undefined {
  return findText(value, path, (text) => /[&=]/.test(text));
}

/** Zero characters and half surrogate pairs, which PostgreSQL does not store. */
export function findUnstorable(value: unknown, path = 'body'): string | undefined {
  return findText(value, path, (text) => text.includes('\0') || !text.isWellFormed());
}

function findText(value: unknown, path: string, isBad: (text: string) => boolean): string | undefined {
  if (typeof value === 'string') return isBad(value) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    if (isBad(key)) return path;
    const found = findText(item, `${path}.${key}`, isBad);
    if (found !== undefined) return found;
  }
  return undefined;
}

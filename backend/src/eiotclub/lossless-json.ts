/** A number exactly as it was written; JSON.stringify writes it the same way again (ECMA-262, JSON.rawJSON). */
export interface RawNumber {
  readonly rawJSON: string;
}

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber;
    isRawJSON(value: unknown): value is RawNumber;
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { source: string }) => unknown,
    ): unknown;
  }
}

/**
 * JSON whose numbers keep their text: 9007199254740993 would come back from plain parsing as …992, and 1.00 as 1.
 * @throws SyntaxError
 */
export function parseLossless(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' ? JSON.rawJSON(source) : value,
  );
}

/** The same with each number as its text: what is read from a message is digits, never something to count with. */
export function numbersAsText(value: unknown): unknown {
  if (JSON.isRawJSON(value)) return value.rawJSON;
  if (Array.isArray(value)) return value.map(numbersAsText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, numbersAsText(item)]));
}

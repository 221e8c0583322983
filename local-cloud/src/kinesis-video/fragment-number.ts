/**
 * Fragment numbers have 47 digits and begin like the service's own; behind that the server time in milliseconds, so that
 * they grow with time, and a count for fragments of one millisecond.
 */
const base = 91343852333180000000000000000000000000000000000n;
const perMillisecond = 10n ** 20n;

/** The number that follows `previous` in a stream at this time; still greater when the clock went back. */
export function nextFragmentNumber(previous: string | undefined, serverMs: number): string {
  const candidate = base + BigInt(Math.max(0, Math.floor(serverMs))) * perMillisecond;
  const least = previous === undefined ? 0n : BigInt(previous) + 1n;
  return (candidate > least ? candidate : least).toString();
}

/** Order of two fragment numbers, as `Array.prototype.sort` wants it. */
export function compareFragmentNumbers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

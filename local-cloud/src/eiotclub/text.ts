/** `1234` → `12.34`: amounts are texts with two decimals. */
export function moneyText(minor: number): string {
  return (minor / 100).toFixed(2);
}

/** `2026-11-21 08:30:00` in China's time, as the platform writes times; "" for none. */
export function dateText(ms: number | null): string {
  if (ms === null) return '';
  const chinaOffsetMs = 8 * 3_600_000;
  return new Date(ms + chinaOffsetMs).toISOString().slice(0, 19).replace('T', ' ');
}

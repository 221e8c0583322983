import { luhnValid } from '@aovis/contracts/ids';

/** Carriers print a number with and without its final Luhn digit (ITU-T E.118): both name the same card. */
export function sameIccid(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return short === long || (long.length === short.length + 1 && long.startsWith(short) && luhnValid(long));
}

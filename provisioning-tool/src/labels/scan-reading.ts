import { serialSchema } from '@aovis/contracts/ids';

/** What stood on a scanned or typed line. */
export interface Scan {
  /** As it came; still to be read as an activation code. */
  typed: string;
  /** Address in front of the code, when a QR code was scanned. */
  address: string | undefined;
  /** When the board's serial was given too. */
  serial: string | undefined;
}

export type ScanReading = { ok: true; scan: Scan } | { ok: false; problem: string };

/**
 * Reads what a scanner or a person gives: the link of a QR code, the code as printed, `SERIAL CODE`, or a row of
 * `labels.csv`.
 */
export function readScan(line: string): ScanReading {
  const text = line.trim();
  if (/^https?[^\w\s.]{2,}/i.test(text)) return readLink(text);
  const [first = '', ...rest] = text.split(/[\s,;]+/);
  const serial = serialSchema.safeParse(first.toUpperCase());
  const behind = rest.at(-1);
  if (serial.success && behind !== undefined && !looksLikeGroups(text)) {
    const typed = text.includes(',') ? behind : rest.join('');
    return { ok: true, scan: { typed, address: undefined, serial: serial.data } };
  }
  return { ok: true, scan: { typed: text, address: undefined, serial: undefined } };
}

function readLink(text: string): ScanReading {
  const hash = text.indexOf('#');
  if (!/^https?:\/\//i.test(text) || hash === -1)
    return {
      ok: false,
      problem:
        'this is a link, but not one of ours; if every label answers so, the scanner types for another keyboard layout than ' +
        'this computer has: set it to the same',
    };
  return {
    ok: true,
    scan: { typed: text.slice(hash + 1), address: text.slice(0, hash), serial: undefined },
  };
}

/** Three groups of six, typed with spaces: a code, whose first group is no serial. */
function looksLikeGroups(text: string): boolean {
  return /^[0-9A-Za-z]{6}[\s-]+[0-9A-Za-z]{6}[\s-]+[0-9A-Za-z]{6}$/.test(text);
}

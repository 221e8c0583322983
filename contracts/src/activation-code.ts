import { createHash } from 'node:crypto';

/**
 * Activation codes: 16 random symbols (80 bits) of Crockford's base32 and 2 Reed–Solomon check symbols over GF(32),
 * printed `XXXXXX-XXXXXX-XXXXXX`. The check catches every error in one or two symbols and can name the one wrong
 * symbol, so most typing errors never reach the server.
 */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const dataSymbols = 16;
const checkedSymbols = 18;
/** Codes printed before this scheme: 12 symbols, no check. */
const legacySymbols = 12;

/** x⁵ + x² + 1, primitive over GF(2): α = x generates all 31 non-zero elements. */
const fieldPolynomial = 0b100101;

const powers: number[] = [];
const logs: number[] = Array.from({ length: 32 }, () => 0);
for (let i = 0, element = 1; i < 31; i++) {
  powers.push(element);
  logs[element] = i;
  element <<= 1;
  if (element & 0b100000) element ^= fieldPolynomial;
}

function alpha(exponent: number): number {
  return powers[((exponent % 31) + 31) % 31] as number;
}

function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : alpha((logs[a] as number) + (logs[b] as number));
}

/** Value of the code word, highest power first, at the point `x` (Horner). */
function evaluate(word: readonly number[], x: number): number {
  return word.reduce((sum, symbol) => multiply(sum, x) ^ symbol, 0);
}

/** The two check symbols that make the word zero at α and α². */
function checkSymbolsOf(data: readonly number[]): [number, number] {
  // Generator g(x) = (x + α)(x + α²) = x² + (α + α²)x + α³; the remainder of data·x² by g is the check.
  const g1 = alpha(1) ^ alpha(2);
  const g0 = alpha(3);
  let high = 0;
  let low = 0;
  for (const symbol of data) {
    const lead = high ^ symbol;
    high = low ^ multiply(lead, g1);
    low = multiply(lead, g0);
  }
  return [high, low];
}

const toText = (word: readonly number[]): string => word.map((symbol) => alphabet[symbol]).join('');

/** A new code, 18 symbols without hyphens. `random(n)` must give n bytes of a CSPRNG. */
export function generateActivationCode(random: (bytes: number) => Uint8Array): string {
  const data = Array.from(random(dataSymbols), (byte) => byte & 31);
  return toText([...data, ...checkSymbolsOf(data)]);
}

/** `7Q2M…` (18 symbols) → `XXXXXX-XXXXXX-XXXXXX`, as on the label. */
export function formatActivationCode(code: string): string {
  return (code.match(/.{1,6}/g) ?? []).join('-');
}

export type ActivationCodeReading =
  | { ok: true; code: string; legacy: boolean }
  | { ok: false; reason: 'length' | 'symbol' | 'check'; suggestion?: string };

/**
 * Reads a code as people type it: any case, spaces and hyphens ignored, O read as 0, I and L as 1.
 * On a failed check `suggestion` holds the one code that differs in a single symbol, when there is one: show it
 * as «did you mean», never take it silently.
 */
export function readActivationCode(typed: string): ActivationCodeReading {
  const symbols = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (symbols.length !== checkedSymbols && symbols.length !== legacySymbols)
    return { ok: false, reason: 'length' };
  const word = Array.from(symbols, (symbol) => alphabet.indexOf(symbol));
  if (word.includes(-1)) return { ok: false, reason: 'symbol' };
  if (word.length === legacySymbols) return { ok: true, code: symbols, legacy: true };

  const s1 = evaluate(word, alpha(1));
  const s2 = evaluate(word, alpha(2));
  if (s1 === 0 && s2 === 0) return { ok: true, code: symbols, legacy: false };
  const suggestion = correctOneSymbol(word, s1, s2);
  return suggestion === undefined
    ? { ok: false, reason: 'check' }
    : { ok: false, reason: 'check', suggestion };
}

/** One wrong symbol of size e at power p gives s1 = e·α^p and s2 = e·α^2p; hence p = log s2 − log s1. */
function correctOneSymbol(word: readonly number[], s1: number, s2: number): string | undefined {
  if (s1 === 0 || s2 === 0) return undefined;
  const power = ((logs[s2] as number) - (logs[s1] as number) + 31) % 31;
  if (power >= checkedSymbols) return undefined;
  const error = multiply(s1, alpha(-power));
  const position = checkedSymbols - 1 - power;
  return toText(word.map((symbol, index) => (index === position ? symbol ^ error : symbol)));
}

const digestDomain = 'aovis-activation-code-v1';

/**
 * What the factory hands over instead of the code: lower-case hex SHA-256 of domain, serial and code, each ended
 * by a zero byte. The serial salts it; the backend adds a keyed hash before it stores it.
 */
export function activationCodeDigest(serial: string, code: string): string {
  return createHash('sha256').update(`${digestDomain}\0${serial}\0${code}\0`, 'utf8').digest('hex');
}

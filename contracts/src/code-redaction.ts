import { readActivationCode } from './activation-code.ts';

const replacement = '[activation code]';
/** As printed: three groups of six. */
const printed = /[0-9A-Za-z]{6}[ -][0-9A-Za-z]{6}[ -][0-9A-Za-z]{6}/y;
/** 18 symbols that begin and end with a word, grouped in whatever way. */
const typed = /(?<![0-9A-Za-z])(?:[0-9A-Za-z][ -]?){17}[0-9A-Za-z](?![0-9A-Za-z])/y;

/** The text without the activation codes somebody put where none belong, such as into a reason. */
export function withoutCodes(text: string): string {
  let clean = '';
  let index = 0;
  // From each place anew: words before a code may look like its beginning.
  while (index < text.length) {
    const found = codeAt(text, index);
    clean += found === undefined ? text[index] : replacement;
    index += found?.length ?? 1;
  }
  return clean;
}

export function holdsCode(text: string): boolean {
  return withoutCodes(text) !== text;
}

function codeAt(text: string, index: number): string | undefined {
  const grouped = matchAt(printed, text, index);
  if (grouped !== undefined && givesCodeAway(grouped)) return grouped;
  const loose = matchAt(typed, text, index);
  return loose !== undefined && readActivationCode(loose).ok ? loose : undefined;
}

/** Printed like a code, one wrong symbol gives the right one away too; other words of 18 symbols are left alone. */
function givesCodeAway(text: string): boolean {
  const reading = readActivationCode(text);
  return reading.ok || reading.suggestion !== undefined;
}

function matchAt(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

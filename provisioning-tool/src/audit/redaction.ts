import { readActivationCode } from '@aovis/contracts/activation-code';

/** 18 symbols in a row or in groups, as people type and copy them. */
const codeLike = /(?<![0-9A-Za-z])(?:[0-9A-Za-z][ -]?){17}[0-9A-Za-z](?![0-9A-Za-z])/g;
const asPrinted = /^[0-9A-Za-z]{6}[ -][0-9A-Za-z]{6}[ -][0-9A-Za-z]{6}$/;

/** The text without the activation codes somebody put where none belong, such as into a reason. */
export function withoutCodes(text: string): string {
  return text.replace(codeLike, (found) => (givesCodeAway(found) ? '[activation code]' : found));
}

export function holdsCode(text: string): boolean {
  return withoutCodes(text) !== text;
}

/** Printed like a code, one wrong symbol gives the right one away too; other words of 18 symbols are left alone. */
function givesCodeAway(text: string): boolean {
  const reading = readActivationCode(text);
  return reading.ok || (asPrinted.test(text) && reading.suggestion !== undefined);
}

import { holdsCode } from '@aovis/contracts/code-redaction';
import { longestReason, shortestReason } from '@aovis/contracts/station-request';
import { Refusal } from '../refusal.ts';

/**
 * Why an operator does something, as it is kept in journal, audit log and at the backend, which has the same rule.
 * @throws Refusal when it is missing, too short or long, of several lines, or holds an activation code
 */
export function readReason(text: string | undefined): string {
  const plain = text?.trim() ?? '';
  if (plain.length < shortestReason || plain.length > longestReason || /\p{Cc}/u.test(plain))
    throw new Refusal(
      'usage',
      `Give a --reason of ${shortestReason} to ${longestReason} characters on one line, such as «label torn when applied».`,
    );
  if (holdsCode(plain))
    throw new Refusal('usage', 'The reason holds an activation code; name the board by its serial instead.');
  return plain;
}

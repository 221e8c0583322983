import { iccidSchema } from '@aovis/contracts/ids';
import * as z from 'zod';
import type { ListedCard } from './inventory-rules.ts';

/** Sentences for the operator who wrote the file. */
export class CardFileRefused extends Error {
  override name = 'CardFileRefused';
}

const optionalDigits = (shape: RegExp, message: string) =>
  z
    .string()
    .refine((text) => text === '' || shape.test(text), message)
    .transform((text) => (text === '' ? undefined : text))
    .optional();
const cardSchema = z.strictObject({
  iccid: iccidSchema,
  eid: optionalDigits(/^\d{32}$/, 'an EID is 32 digits'),
  imsi: optionalDigits(/^\d{14,15}$/, 'an IMSI is 14 or 15 digits'),
});
const columns = Object.keys(cardSchema.shape);

/**
 * Cards of a CSV file: a header of `iccid` and, if they are known, `eid` and `imsi`; commas or semicolons; values are
 * digits, so quotes mean nothing.
 * @throws CardFileRefused naming every line that cannot be read, without its numbers
 */
export function parseCardFile(text: string): ListedCard[] {
  const [header = '', ...lines] = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const separator = header.includes(';') ? ';' : ',';
  const cells = (line: string): string[] => line.split(separator).map((cell) => cell.replace(/["\s]/g, ''));
  const names = cells(header).map((name) => name.toLowerCase());
  if (!names.includes('iccid') || !names.every((name) => columns.includes(name)))
    throw new CardFileRefused(
      `The first line must name the columns ${columns.join(', ')}; only iccid is needed.`,
    );
  const problems: string[] = [];
  const cards = lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const values = cells(line);
    const card = cardSchema.safeParse(Object.fromEntries(names.map((name, at) => [name, values[at] ?? ''])));
    if (card.success && values.length <= names.length)
      return [{ iccid: card.data.iccid, eid: card.data.eid, imsi: card.data.imsi, status: undefined }];
    const reasons = card.error?.issues.map(({ message }) => message) ?? [
      'there are more values than columns',
    ];
    problems.push(`line ${index + 2}: ${reasons.join(', ')}`);
    return [];
  });
  if (problems.length > 0)
    throw new CardFileRefused(
      `The file cannot be imported; nothing was stored:\n${problems.slice(0, 20).join('\n')}`,
    );
  return cards;
}

import { serialSchema } from '@aovis/contracts/ids';

/** Sentences for the operator who wrote the file; never a hash. */
export class LabelFileRefused extends Error {
  override name = 'LabelFileRefused';

  constructor(file: string, problems: readonly string[]) {
    const more = problems.length - shown;
    const tail = more > 0 ? [`and ${more} more of the kind`] : [];
    super([`${file} was not imported; nothing was stored:`, ...problems.slice(0, shown), ...tail].join('\n'));
  }
}
const shown = 20;

/** A label from before stations had digests. */
export interface LegacyLabel {
  /** Of the file, from 1. */
  line: number;
  serial: string;
  /** `sha256$<hex>` of the bare code in capitals. */
  hash: string;
}

const header = ['serial', 'activation_code_hash'];

/**
 * Rows of a CSV file with the columns `serial` and `activation_code_hash`, separated by commas or semicolons.
 * @throws LabelFileRefused naming every line that cannot be taken and what to do about it
 */
export function parseLabelFile(file: string, text: string): LegacyLabel[] {
  const [first = '', ...lines] = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const separator = first.includes(';') ? ';' : ',';
  const cells = (line: string): string[] =>
    line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
  if (cells(first).join().toLowerCase() !== header.join())
    throw new LabelFileRefused(file, [`line 1: must be ${header.join()}; put this header there`]);

  const problems: string[] = [];
  const labels: LegacyLabel[] = [];
  const lineOf = new Map<string, number>();
  lines.forEach((content, index) => {
    if (content.trim() === '') return;
    const line = index + 2;
    const [serial = '', hash = '', ...rest] = cells(content);
    const earlier = lineOf.get(serial) ?? lineOf.get(hash);
    const problem = rest.length > 0 ? 'has more than two values; take out the others' : faultOf(serial, hash);
    if (problem !== undefined) problems.push(`line ${line}: ${problem}`);
    else if (earlier !== undefined)
      problems.push(
        `line ${line}: has the serial or the code of line ${earlier}; find out which is right, take out the other`,
      );
    else labels.push({ line, serial, hash });
    if (problem === undefined) lineOf.set(serial, line).set(hash, line);
  });
  if (problems.length > 0) throw new LabelFileRefused(file, problems);
  if (labels.length === 0) throw new LabelFileRefused(file, ['line 2: is missing; put a row for each board']);
  return labels;
}

function faultOf(serial: string, hash: string): string | undefined {
  if (!serialSchema.safeParse(serial).success)
    return 'the serial is not MODEL-NNNNNN, e.g. N4K-000123; write it as the board’s label has it';
  if (!/^sha256\$[0-9a-f]{64}$/.test(hash))
    return 'the hash is not sha256$ and 64 of 0-9 and a-f; export it anew from the old system';
  return undefined;
}

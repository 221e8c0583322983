import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  activationCodeDigest,
  formatActivationCode,
  readActivationCode,
} from '@aovis/contracts/activation-code';
import { deviceIdOf } from '@aovis/contracts/ids';
import { labelFileRules } from '../batch/labels.ts';
import { refuseLooseFile } from '../files/private-file.ts';
import { Refusal } from '../refusal.ts';
import type { BoardCode } from './board-codes.ts';
import type { LabelText } from './label-layout.ts';

/** A row of `labels.csv` whose code is the one that the journal has for the board. */
export interface LabelRow {
  board: BoardCode;
  text: LabelText;
}

/**
 * The rows of `labels.csv` that belong to `boards`, one after the other, in the file's order. Rows of codes that were
 * replaced, or never handed over, are left out. A file that others may read is refused.
 */
export async function* readLabelRows(
  path: string,
  boards: ReadonlyMap<string, BoardCode>,
): AsyncGenerator<LabelRow> {
  if (!(await refuseLooseFile(path, labelFileRules)))
    throw new Refusal(
      'journal',
      `${path} is missing, and the activation codes are nowhere else; put the file back, then run the same command again.`,
    );
  const seen = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const [serial = '', , , typed = ''] = line.split(',');
    const board = boards.get(serial);
    if (!board || seen.has(serial)) continue;
    const reading = readActivationCode(typed);
    if (!reading.ok || activationCodeDigest(serial, reading.code) !== board.digest) continue;
    seen.add(serial);
    yield {
      board,
      text: {
        deviceId: deviceIdOf(serial),
        serial: serialLine(board),
        code: formatActivationCode(reading.code),
      },
    };
  }
}

/** A code that was issued anew has a letter (B, C, …), so that nobody takes the label before it for the right one. */
function serialLine({ serial, epoch }: BoardCode): string {
  return epoch === 1 ? serial : `${serial} ${revisionLetter(epoch)}`;
}

function revisionLetter(epoch: number): string {
  return epoch <= 26 ? String.fromCharCode(64 + epoch) : `#${epoch}`;
}

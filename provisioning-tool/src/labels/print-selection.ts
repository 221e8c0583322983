import { readReason } from '../audit/reason.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { BoardCode } from './board-codes.ts';
import { readLabelRows } from './label-rows.ts';
import type { PrintLedger } from './print-ledger.ts';

export interface PrintWishes {
  batchId: string;
  /** Empty: all boards of the batch. */
  serials: readonly string[];
  /** Leave out what was printed before. */
  onlyNew: boolean;
  reason: string | undefined;
}

export interface PrintSelection {
  /** In the order of `labels.csv`. */
  boards: ReadonlyMap<string, BoardCode>;
  firstPrints: BoardCode[];
  reprints: BoardCode[];
  /** Boards of the batch that wait to be finished: their labels are left out. */
  unfinished: number;
  /** Boards of the batch that keep the label of an old system: theirs are not printed here. */
  kept: number;
}

/** What a print comes to. Refuses a reprint without a reason, and boards whose codes are not there. */
export async function selectLabels(
  wishes: PrintWishes,
  codes: ReadonlyMap<string, BoardCode>,
  labelsPath: string,
  ledger: PrintLedger,
): Promise<PrintSelection> {
  if (wishes.reason !== undefined) readReason(wishes.reason);
  const wanted = wantedBoards(wishes, codes);
  const boards = new Map<string, BoardCode>();
  const reprints: BoardCode[] = [];
  const firstPrints: BoardCode[] = [];
  let present = 0;
  for await (const { board } of readLabelRows(labelsPath, wanted)) {
    present += 1;
    const isReprint = ledger.printsOf(board).length > 0;
    if (isReprint && wishes.onlyNew) continue;
    boards.set(board.serial, board);
    (isReprint ? reprints : firstPrints).push(board);
  }
  if (present < wanted.size)
    throw new Refusal(
      'journal',
      `${labelsPath} lacks the activation codes of ${counted(wanted.size - present, 'board')}; «aovis-provision batch ` +
        `verify ${wishes.batchId} --offline» names them. Put the file back, then run the same command again.`,
    );
  refuseSilentReprint(wishes, reprints, ledger);
  const unfinished = [...codes.values()].filter(({ finished, ended }) => !finished && !ended).length;
  const kept = [...codes.values()].filter(({ digest, ended }) => digest === undefined && !ended).length;
  return { boards, firstPrints, reprints, unfinished, kept };
}

function wantedBoards(
  { serials, batchId }: PrintWishes,
  codes: ReadonlyMap<string, BoardCode>,
): Map<string, BoardCode> {
  const wanted = new Map<string, BoardCode>();
  if (serials.length === 0) {
    for (const [serial, board] of codes)
      if (board.finished && board.digest !== undefined) wanted.set(serial, board);
    return wanted;
  }
  const problems: string[] = [];
  for (const serial of serials) {
    const board = codes.get(serial);
    if (!board) problems.push(`${serial} is no board of batch ${batchId}`);
    else if (board.ended !== undefined)
      problems.push(`${serial} is ${board.ended}; its label is worth nothing`);
    else if (!board.finished) problems.push(`${serial} is not finished; run «batch run» first`);
    else if (board.digest === undefined)
      problems.push(
        `${serial} keeps the label of an old system; for another one give it a new code: aovis-provision device reissue-code ${serial}`,
      );
    else wanted.set(serial, board);
  }
  if (problems.length > 0)
    throw new Refusal('usage', 'Some of the boards have no label to print; correct the serials.', {
      details: problems,
    });
  return wanted;
}

function refuseSilentReprint(
  { reason, batchId }: PrintWishes,
  reprints: readonly BoardCode[],
  ledger: PrintLedger,
): void {
  const [first] = reprints;
  if (!first || reason !== undefined) return;
  const print = ledger.printsOf(first).at(-1);
  throw new Refusal(
    'conflict',
    `${counted(reprints.length, 'label')} of batch ${batchId} ${reprints.length === 1 ? 'was' : 'were'} printed before ` +
      `(${first.serial} on ${print?.at} by ${print?.operator}). Print only the others with --only-new; or, if these are ` +
      'needed once more, destroy the ones that are there and say why with --reason.',
  );
}

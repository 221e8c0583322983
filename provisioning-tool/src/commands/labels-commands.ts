import { randomBytes } from 'node:crypto';
import { formatActivationCode, generateActivationCode } from '@aovis/contracts/activation-code';
import { BatchFolder } from '../batch/batch-folder.ts';
import { readSerial } from '../device/board-name.ts';
import { exists } from '../files/durable-files.ts';
import { type BoardCode, readBoardCodes } from '../labels/board-codes.ts';
import { readFormatBook } from '../labels/format-book.ts';
import { labelsPerSheet } from '../labels/label-format.ts';
import type { LabelText } from '../labels/label-layout.ts';
import { writePrintFile } from '../labels/print-file.ts';
import { type Print, PrintLedger } from '../labels/print-ledger.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';
import { type SheetFlags, sheetJobOf, writeToStdout } from './labels-print-command.ts';

export async function labelsFormats(context: CommandContext): Promise<void> {
  const book = await readFormatBook(context.workspace);
  const formats = [...book].map(([name, format]) => ({
    name,
    labels_per_sheet: labelsPerSheet(format),
    ...format,
  }));
  context.terminal.result(
    { formats },
    context.terminal.table([
      ['format', 'a sheet', 'what'],
      ...formats.map(({ name, labels_per_sheet: count, title }) => [name, String(count), title]),
      ['roll-WxH', '1', 'Roll of any size in millimetres, e.g. roll-45x22'],
    ]),
  );
}

/** One sheet of labels with invented codes, to set up a printer. */
export async function labelsSample(context: CommandContext, flags: SheetFlags): Promise<void> {
  const job = { ...(await sheetJobOf(context, flags, 'Sample')), outlines: true };
  const count = labelsPerSheet(job.format) - flags.skip;
  const path = flags.out ?? `labels-${job.name}.pdf`;
  if (context.flags.dryRun) {
    context.terminal.result({ dry_run: true, format: job.name, labels: count, file: path }, [
      `Would write a sheet of ${counted(count, 'label')} with invented codes (${job.name}) to ${path}. Nothing was done.`,
    ]);
    return;
  }
  const { writeLabelSheets } = await import('../labels/label-sheets.ts');
  if (path === '-') {
    await writeToStdout(context, (sink) => writeLabelSheets(sink, job, sampleLabels(count)));
    return;
  }
  await writePrintFile(
    path,
    (sink) => writeLabelSheets(sink, job, sampleLabels(count)),
    () => Promise.resolve(),
  );
  context.terminal.result({ format: job.name, labels: count, file: path }, [
    `Wrote a sheet of ${counted(count, 'label')} with invented codes (${job.name}): ${path}`,
  ]);
  context.terminal.say(
    'Print it at 100 % (no «fit to page») and lay it on your labels; mend what is off with --shift, and try to scan one.',
  );
}

function* sampleLabels(count: number): Generator<LabelText> {
  for (let number = 1; number <= count; number++)
    yield {
      deviceId: 'not-a-real-board',
      serial: `SAMPLE-${String(number).padStart(6, '0')}`,
      code: formatActivationCode(generateActivationCode(randomBytes)),
    };
}

/** How often each label of a batch was printed; of one board, each print with who and why. */
export async function labelsLedger(
  context: CommandContext,
  flags: { batchId: string; serial: string | undefined },
): Promise<void> {
  const codes = await readBoardCodes(context.workspace, flags.batchId);
  const ledger = await PrintLedger.read(context.workspace, codes);
  if (flags.serial !== undefined) return showBoard(context, codes, ledger, readSerial(flags.serial));
  const all = [...codes.values()];
  const boards = all.filter(({ digest }) => digest !== undefined);
  const kept = all.length - boards.length;
  const printed = boards.filter((board) => ledger.printsOf(board).length > 0);
  const again = printed.filter((board) => ledger.printsOf(board).length > 1);
  const { terminal } = context;
  const { labels } = new BatchFolder(context.workspace, flags.batchId);
  terminal.result(
    {
      batch_id: flags.batchId,
      boards: all.length,
      old_labels: kept,
      printed: printed.length,
      printed_again: again.map((board) => ({
        serial: board.serial,
        prints: ledger.printsOf(board).map(printValue),
      })),
    },
    [
      `Batch ${flags.batchId}: ${counted(all.length, 'board')}; ${counted(printed.length, 'label')} printed, ` +
        `${again.length} of them more than once, ${boards.length - printed.length} never.`,
      ...(again.length > 0
        ? terminal.table([printHeader, ...again.flatMap((board) => rowsOf(board, ledger))])
        : []),
      ...(kept > 0 ? [`${counted(kept, 'board')} with the label of an old system.`] : []),
      ...((await exists(labels)) ? [`Codes lie in ${labels}`] : []),
    ],
  );
}

const printHeader = ['serial', 'line', 'when', 'who', 'format', 'why'];

function showBoard(
  { terminal }: CommandContext,
  codes: ReadonlyMap<string, BoardCode>,
  ledger: PrintLedger,
  serial: string,
): void {
  const board = codes.get(serial);
  if (!board) throw new Refusal('usage', `${serial} is no board of this batch; check the serial.`);
  const prints = ledger.printsOf(board);
  terminal.result(
    { serial, code_epoch: board.epoch, prints: prints.map(printValue) },
    prints.length === 0
      ? [`The label of ${serial} was never printed.`]
      : terminal.table([printHeader, ...rowsOf(board, ledger)]),
  );
}

function rowsOf(board: BoardCode, ledger: PrintLedger): string[][] {
  return ledger
    .printsOf(board)
    .map(({ line, at, operator, format, reason }) => [
      board.serial,
      String(line),
      at,
      operator,
      format,
      reason ?? 'first print',
    ]);
}

function printValue({ line, at, operator, format, reason }: Print) {
  return { line, at, operator, format, reason: reason ?? null };
}

import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BatchFolder } from '../batch/batch-folder.ts';
import { requireSetting } from '../config.ts';
import { readSerial } from '../device/board-name.ts';
import { ensurePrivateDirectory } from '../files/durable-files.ts';
import { LockFile } from '../files/lock-file.ts';
import { readBoardCodes } from '../labels/board-codes.ts';
import { findFormat } from '../labels/format-book.ts';
import { labelsPerSheet, type Place } from '../labels/label-format.ts';
import { readLabelRows } from '../labels/label-rows.ts';
import type { SheetJob } from '../labels/label-sheets.ts';
import { clearPartials, writePrintFile } from '../labels/print-file.ts';
import { ledgerRecordsOf, PrintLedger } from '../labels/print-ledger.ts';
import { type PrintSelection, selectLabels } from '../labels/print-selection.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';

export interface SheetFlags {
  /** Places of the first sheet that are used up. */
  skip: number;
  /** Undefined: as the format has it. */
  cutMarks: boolean | undefined;
  shift: Place;
  /** A file, or `-` for standard output. */
  out: string | undefined;
}

export interface LabelsPrintFlags extends SheetFlags {
  batchId: string;
  /** Serials or device ids; empty: all boards. */
  serials: readonly string[];
  onlyNew: boolean;
  reason: string | undefined;
}

/** Label sheets of a batch as PDF. Every print is in the ledger before anybody can have it. */
export async function labelsPrint(context: CommandContext, given: LabelsPrintFlags): Promise<void> {
  const { workspace } = context;
  const flags = { ...given, serials: given.serials.map(readSerial) };
  const codes = await readBoardCodes(workspace, flags.batchId);
  const folder = new BatchFolder(workspace, flags.batchId);
  const job = await sheetJobOf(context, flags, `Batch ${flags.batchId}`);
  // Two prints at once would both take themselves for the first.
  const lock = context.flags.dryRun ? undefined : await LockFile.acquire(join(folder.path, 'labels.lock'));
  try {
    const ledger = await PrintLedger.read(workspace, codes);
    const selection = await selectLabels(flags, codes, folder.labels, ledger);
    if (selection.boards.size === 0) return sayNothingToPrint(context, flags, selection);
    if (context.flags.dryRun) return sayPlan(context, flags, job, selection);
    await print(context, flags, folder, job, selection);
  } finally {
    await lock?.release();
  }
}

export async function sheetJobOf(
  context: CommandContext,
  flags: SheetFlags,
  title: string,
): Promise<SheetJob & { name: string }> {
  const { workspace, surroundings } = context;
  const config = await context.config();
  const format = await findFormat(workspace, config.label_format);
  if (flags.skip >= labelsPerSheet(format))
    throw new Refusal(
      'usage',
      `--skip ${flags.skip} skips the whole first sheet: ${config.label_format} has ${counted(labelsPerSheet(format), 'label')} a sheet.`,
    );
  return {
    name: config.label_format,
    format,
    title,
    activationUrl: requireSetting(config, 'activation_url'),
    cutMarks: flags.cutMarks ?? format.cut_marks,
    outlines: false,
    skip: flags.skip,
    shift: flags.shift,
    createdAt: surroundings.clock.now(),
    signal: surroundings.signal,
  };
}

async function print(
  context: CommandContext,
  flags: LabelsPrintFlags,
  folder: BatchFolder,
  job: SheetJob & { name: string },
  selection: PrintSelection,
): Promise<void> {
  const { writeLabelSheets } = await import('../labels/label-sheets.ts');
  const texts = async function* () {
    for await (const { text } of readLabelRows(folder.labels, selection.boards)) yield text;
  };
  const begun = await context.auditLine();
  const record = async (file: { name: string; sha256: string } | undefined) => {
    await context.audit.append(
      ...ledgerRecordsOf({
        begun,
        batchId: flags.batchId,
        format: job.name,
        file,
        reason: flags.reason?.trim(),
        firstPrints: selection.firstPrints,
        reprints: selection.reprints,
      }),
    );
  };
  if (flags.out === '-') {
    const written = await writeToStdout(context, async (sink) => {
      await record(undefined);
      return await writeLabelSheets(sink, job, texts());
    });
    context.terminal.say(
      `${counted(written.sheets, 'sheet')} with ${counted(written.labels, 'label')} written.`,
    );
    return;
  }
  const path = flags.out ?? (await newSheetPath(folder, job));
  let digest = '';
  const written = await writePrintFile(
    path,
    (sink) => writeLabelSheets(sink, job, texts()),
    async (sha256) => {
      digest = sha256;
      await record({ name: path, sha256 });
    },
  );
  sayPrinted(context, flags, selection, { ...written, path, sha256: digest, format: job.name });
}

/** Standard output, not closed behind the sheets. */
export async function writeToStdout<T>(
  { terminal }: CommandContext,
  write: (sink: Writable) => Promise<T>,
): Promise<T> {
  const stdout = terminal.dataSink;
  if (!stdout)
    throw new Refusal(
      'usage',
      'A PDF is nothing for a terminal; pipe it to the printer, or give a file with --out.',
    );
  const through = new PassThrough();
  const [written, passed] = await Promise.allSettled([
    write(through).catch((error: unknown) => {
      through.destroy();
      throw error;
    }),
    pipeline(through, stdout, { end: false }),
  ]);
  if (written.status === 'rejected') throw written.reason;
  if (passed.status === 'rejected') throw passed.reason;
  return written.value;
}

/** In the batch's folder, named after the time; what an interrupted print left there is removed. */
async function newSheetPath(folder: BatchFolder, job: SheetJob & { name: string }): Promise<string> {
  const directory = join(folder.path, 'sheets');
  await ensurePrivateDirectory(directory);
  await clearPartials(directory);
  const time = new Date(job.createdAt).toISOString().replace(/[-:.]/g, '');
  return join(directory, `${time}-${job.name}.pdf`);
}

function valueOf(flags: LabelsPrintFlags, { firstPrints, reprints, unfinished, kept }: PrintSelection) {
  return {
    batch_id: flags.batchId,
    labels: firstPrints.length + reprints.length,
    first_prints: firstPrints.length,
    reprints: reprints.length,
    boards_not_finished: unfinished,
    boards_with_old_labels: kept,
  };
}

function leftOut({ unfinished, kept }: PrintSelection): string[] {
  return [
    ...(unfinished > 0
      ? [`Left out: ${counted(unfinished, 'board')} not finished yet; print theirs later with --only-new.`]
      : []),
    ...(kept > 0 ? [`Left out: ${counted(kept, 'board')} with the label of an old system.`] : []),
  ];
}

function sayNothingToPrint(
  { terminal }: CommandContext,
  flags: LabelsPrintFlags,
  selection: PrintSelection,
): void {
  terminal.result({ ...valueOf(flags, selection), sheets: 0 }, [
    `There is nothing to print of batch ${flags.batchId}: every label of a finished board was printed before${selection.kept > 0 ? ', here or elsewhere' : ''}.`,
    ...leftOut(selection),
  ]);
}

function sayPlan(
  { terminal }: CommandContext,
  flags: LabelsPrintFlags,
  job: SheetJob & { name: string },
  selection: PrintSelection,
): void {
  const sheets = Math.ceil((selection.boards.size + job.skip) / labelsPerSheet(job.format));
  const { firstPrints, reprints } = selection;
  terminal.result({ dry_run: true, ...valueOf(flags, selection), format: job.name, sheets }, [
    `Would print ${counted(selection.boards.size, 'label')} of batch ${flags.batchId} on ${counted(sheets, 'sheet')} (${job.name}): ` +
      `${firstPrints.length} for the first time, ${reprints.length} again. Nothing was done.`,
    ...leftOut(selection),
  ]);
}

function sayPrinted(
  { terminal }: CommandContext,
  flags: LabelsPrintFlags,
  selection: PrintSelection,
  made: { sheets: number; path: string; sha256: string; format: string },
): void {
  const { firstPrints, reprints, boards } = selection;
  terminal.result(
    {
      ...valueOf(flags, selection),
      format: made.format,
      sheets: made.sheets,
      file: made.path,
      sha256: made.sha256,
    },
    [
      `${counted(boards.size, 'label')} of batch ${flags.batchId} on ${counted(made.sheets, 'sheet')} (${made.format}): ` +
        `${firstPrints.length} for the first time, ${reprints.length} again.`,
      ...leftOut(selection),
      `Sheets: ${made.path}`,
    ],
  );
  terminal.say(
    'Print them at 100 % (no «fit to page»), remove the file, it holds activation codes, and scan the labels back: ' +
      `aovis-provision labels check --batch ${flags.batchId} --all`,
  );
}

import { readSerial } from '../device/board-name.ts';
import { type BoardCode, readBoardCodes } from '../labels/board-codes.ts';
import { ScanCheck, type ScanVerdict } from '../labels/scan-check.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';
import { ScanBack } from './labels-scan-back.ts';

export interface LabelsCheckFlags {
  /** One scan; undefined or `-`: lines of standard input. */
  scan: string | undefined;
  batchId: string | undefined;
  serial: string | undefined;
  /** Every finished board of the batch must be among the scans, of this session or earlier ones. */
  all: boolean;
  /** Earlier sessions do not count any more. */
  restart: boolean;
}

/** Scans labels back: whose each is, and whether it belongs here. The codes are neither shown nor kept. */
export async function labelsCheck(context: CommandContext, flags: LabelsCheckFlags): Promise<void> {
  if ((flags.all || flags.restart) && flags.batchId === undefined)
    throw new Refusal('usage', '--all needs the batch whose labels are meant; give --batch NAME.');
  if (flags.restart && !flags.all)
    throw new Refusal('usage', '--restart is for the scan-back of a whole batch; give --all, too.');
  const serial = flags.serial === undefined ? undefined : readSerial(flags.serial);
  const { activation_url: activationUrl } = await context.config();
  const boards = await readBoardCodes(context.workspace, undefined);
  refuseUnknownBatch(flags.batchId, boards);
  const scanBack =
    flags.all && flags.batchId !== undefined
      ? await ScanBack.open(context, flags.batchId, boards, flags.restart)
      : undefined;
  const check = new ScanCheck(boards, { batchId: flags.batchId, serial, activationUrl });
  const seen = new Set<string>();
  let scans = 0;
  let wrong = 0;
  try {
    for await (const line of scansOf(context, flags)) {
      const verdict = check.check(line);
      const board = boards.get(verdict.serial ?? '');
      scans += 1;
      if (!verdict.ok) wrong += 1;
      const again = board !== undefined && (seen.has(board.serial) || scanBack?.has(board) === true);
      if (verdict.ok && board !== undefined) {
        seen.add(board.serial);
        await scanBack?.add(board);
      }
      show(context, verdict, again);
    }
  } finally {
    await scanBack?.keep();
  }
  await scanBack?.finish(wrong);
  if (wrong > 0)
    throw new Refusal(
      'conflict',
      scans === 1 ? 'The label is not right.' : `${counted(wrong, 'scan')} of ${scans} not right; see above.`,
    );
}

function refuseUnknownBatch(batchId: string | undefined, boards: ReadonlyMap<string, BoardCode>): void {
  if (batchId === undefined || [...boards.values()].some((board) => board.batchId === batchId)) return;
  throw new Refusal(
    'usage',
    `No board of a batch ${batchId} was made here; «aovis-provision batch status» lists the batches.`,
  );
}

async function* scansOf(
  { terminal, surroundings }: CommandContext,
  { scan }: LabelsCheckFlags,
): AsyncGenerator<string> {
  if (scan !== undefined && scan !== '-') {
    yield scan;
    return;
  }
  const lines = terminal.secretLines(
    'Scan one label after the other; what you scan is not shown. An empty line ends it.',
    surroundings.signal,
  );
  for await (const line of lines) if (line.trim() !== '') yield line;
  surroundings.signal.throwIfAborted();
}

function show({ terminal }: CommandContext, verdict: ScanVerdict, again: boolean): void {
  const { ok, serial, model, batch_id: batchId, problem } = verdict;
  terminal.result({ ...verdict, ...(again ? { scanned_before: true } : {}) }, [
    ok
      ? (terminal.table([
          ['ok', serial ?? '', model ?? '', `batch ${batchId}`, ...(again ? ['scanned before'] : [])],
        ])[0] ?? '')
      : `NOT OK  ${problem}.`,
  ]);
}

import { readSerial } from '../device/board-name.ts';
import { type BoardCode, readBoardCodes } from '../labels/board-codes.ts';
import { ScanCheck, type ScanVerdict } from '../labels/scan-check.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';

export interface LabelsCheckFlags {
  /** One scan; undefined or `-`: lines of standard input. */
  scan: string | undefined;
  batchId: string | undefined;
  serial: string | undefined;
  /** Every finished board of the batch must be among the scans. */
  all: boolean;
}

const mostMissing = 10;

/** Scans labels back: whose each is, and whether it belongs here. The codes are neither shown nor kept. */
export async function labelsCheck(context: CommandContext, flags: LabelsCheckFlags): Promise<void> {
  if (flags.all && flags.batchId === undefined)
    throw new Refusal('usage', '--all needs the batch whose labels are meant; give --batch NAME.');
  const serial = flags.serial === undefined ? undefined : readSerial(flags.serial);
  const { activation_url: activationUrl } = await context.config();
  const boards = await readBoardCodes(context.workspace, undefined);
  refuseUnknownBatch(flags.batchId, boards);
  const check = new ScanCheck(boards, { batchId: flags.batchId, serial, activationUrl });
  const seen = new Set<string>();
  let scans = 0;
  let wrong = 0;
  for await (const line of scansOf(context, flags)) {
    const verdict = check.check(line);
    scans += 1;
    if (!verdict.ok) wrong += 1;
    show(context, verdict, verdict.serial !== undefined && seen.has(verdict.serial));
    if (verdict.ok && verdict.serial !== undefined) seen.add(verdict.serial);
  }
  if (flags.all && flags.batchId !== undefined)
    await finishBatch(context, flags.batchId, boards, seen, wrong);
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

/** Says what is missing, and writes into the audit log how the scan-back of a whole batch ended. */
async function finishBatch(
  { terminal, audit }: CommandContext,
  batchId: string,
  boards: ReadonlyMap<string, BoardCode>,
  seen: ReadonlySet<string>,
  wrong: number,
): Promise<void> {
  const finished = [...boards.values()].filter((board) => board.batchId === batchId && board.finished);
  const missing = finished
    .filter(({ serial }) => !seen.has(serial))
    .map(({ serial }) => serial)
    .sort();
  const scanned = finished.length - missing.length;
  await audit.append({
    type: 'labels_scanned',
    batch_id: batchId,
    labels: scanned,
    complete: missing.length === 0 && wrong === 0,
  });
  const more = missing.length > mostMissing ? `, and ${missing.length - mostMissing} more` : '';
  terminal.result(
    { batch_id: batchId, scanned, missing, complete: missing.length === 0 && wrong === 0 },
    missing.length === 0
      ? [`All ${counted(scanned, 'label')} of batch ${batchId} were scanned.`]
      : [
          `${scanned} of ${counted(finished.length, 'label')} of batch ${batchId} were scanned; not: ` +
            `${missing.slice(0, mostMissing).join(', ')}${more}.`,
        ],
  );
  if (missing.length > 0)
    throw new Refusal(
      'partial',
      `${counted(missing.length, 'label')} of batch ${batchId} not scanned; scan the batch again, with them.`,
    );
}

import { BatchFolder } from '../batch/batch-folder.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { type BoardState, hasStep, isLive, isProvisioned } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';

const mostFailures = 10;

/** From least to most done, and those that are no more; a board counts once, at the furthest point it reached. */
const stages = [
  'waiting',
  'issued',
  'registered',
  'attached',
  'bundled',
  'active',
  'manifest written',
  'handed over',
  'revoked',
  'destroyed',
] as const;
type Stage = (typeof stages)[number];

function stageOf(board: BoardState): Stage {
  if (board.life?.ended) return board.life.ended;
  if (board.manifest) return board.manifest.accepted ? 'handed over' : 'manifest written';
  if (isProvisioned(board)) return 'active';
  if (hasStep(board, 'bundle')) return 'bundled';
  if (hasStep(board, 'principal') && hasStep(board, 'policy')) return 'attached';
  return hasStep(board, 'certificate') ? 'registered' : 'issued';
}

/** Without a name: every batch, one line each. With one: where its boards stand. */
export async function batchStatus(context: CommandContext, batchId: string | undefined): Promise<void> {
  const { terminal, workspace } = context;
  const { state } = await replayJournal(journalPath(workspace));
  if (batchId === undefined) {
    const batches = [...state.batches.values()].map((batch) => {
      const boards = state.boardsOf(batch.id).map(([, board]) => board);
      return {
        batch_id: batch.id,
        boards: batch.boards,
        finished: boards.filter((board) => isLive(board) && isProvisioned(board)).length,
        handed_over: boards.filter((board) => stageOf(board) === 'handed over').length,
        revoked: boards.filter((board) => stageOf(board) === 'revoked').length,
        destroyed: boards.filter((board) => stageOf(board) === 'destroyed').length,
        started_at: batch.startedAt,
      };
    });
    const rows = batches.map((batch) => Object.values(batch).map(String));
    terminal.result(
      { batches },
      rows.length === 0
        ? ['There is no batch yet; begin with: aovis-provision batch plan boards.csv']
        : terminal.table([
            ['batch', 'boards', 'finished', 'handed over', 'revoked', 'destroyed', 'started'],
            ...rows,
          ]),
    );
    return;
  }
  const batch = state.batches.get(batchId);
  if (!batch)
    throw new Refusal(
      'usage',
      `There is no batch ${batchId} here; «aovis-provision batch status» lists them.`,
    );
  const boards = state.boardsOf(batchId);
  const counts = new Map<Stage, number>(stages.map((stage) => [stage, 0]));
  for (const [, board] of boards) counts.set(stageOf(board), (counts.get(stageOf(board)) ?? 0) + 1);
  counts.set('waiting', batch.boards - boards.length);
  const failures = boards.flatMap(([serial, { failure }]) => (failure ? [{ serial, ...failure }] : []));
  const unfinished =
    batch.boards - boards.filter(([, board]) => isProvisioned(board) || !isLive(board)).length;
  terminal.result(
    {
      batch_id: batchId,
      boards: batch.boards,
      started_at: batch.startedAt,
      stages: Object.fromEntries([...counts].map(([stage, count]) => [stage.replaceAll(' ', '_'), count])),
      failures,
    },
    [
      `Batch ${batchId}: ${counted(batch.boards, 'board')}, begun ${batch.startedAt} at station ${batch.stationId}.`,
      ...terminal.table([...counts].map(([stage, count]) => [stage, String(count)])),
      ...(failures.length > 0 ? ['Failed last time:'] : []),
      ...terminal.table(
        failures.slice(0, mostFailures).map(({ serial, step, message }) => [serial, step, message]),
      ),
      ...(failures.length > mostFailures
        ? [`and ${failures.length - mostFailures} more (--json has them all)`]
        : []),
      `Folder: ${new BatchFolder(workspace, batchId).path}`,
      unfinished > 0
        ? `${counted(unfinished, 'board')} not finished: run the same «batch run» again.`
        : `Check it with: aovis-provision batch verify ${batchId}`,
    ],
  );
}

import { resolve } from 'node:path';
import { BatchFolder } from '../batch/batch-folder.ts';
import { type MergePlan, merge, planMerge } from '../batch/merge.ts';
import { loadCa } from '../ca/ca-store.ts';
import { Journal, journalPath, replayJournal, type Written } from '../journal/journal.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { findBatch } from './batch-comparison.ts';
import type { CommandContext } from './command-context.ts';

/** Takes over the finished boards that another station made of a batch. */
export async function batchMerge(context: CommandContext, batchId: string, from: string): Promise<void> {
  const { workspace, surroundings } = context;
  const other = resolve(from);
  if (other === workspace)
    throw new Refusal('usage', '--from names this very workspace; give the other station’s.');
  if (context.flags.dryRun) {
    const ours = await replayJournal(journalPath(workspace));
    return report(context, batchId, (await plan(context, batchId, other, ours)).plan, 'Nothing was done.');
  }
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const { source, plan: planned } = await plan(context, batchId, other, journal.written);
    const folder = new BatchFolder(workspace, batchId);
    await merge(source, folder, planned, journal, context.operator, surroundings.signal);
    report(context, batchId, planned, `Check them with: aovis-provision batch verify ${batchId}`);
  } finally {
    await journal.close();
  }
}

async function plan(context: CommandContext, batchId: string, other: string, ours: Written) {
  const { workspace, surroundings } = context;
  const path = journalPath(other);
  const written = await replayJournal(path);
  const [batch, here] = [findBatch(written, batchId), findBatch(ours, batchId)];
  if (batch.region !== here.region)
    throw new Refusal(
      'conflict',
      `Batch ${batchId} is in region ${batch.region} there and in ${here.region} here.`,
    );
  const source = { path, written, batch, folder: new BatchFolder(other, batchId) };
  const target = { path: journalPath(workspace), written: ours, ca: await loadCa(workspace) };
  return { source, plan: await planMerge(source, target, surroundings.clock.now()) };
}

function report(
  { terminal }: CommandContext,
  batchId: string,
  { boards, present, ended }: MergePlan,
  last: string,
): void {
  terminal.result({ batch_id: batchId, merged: boards.length, present, ended }, [
    `Batch ${batchId}: ${counted(boards.length, 'board')} taken over, ${present} were here already, ${ended} revoked or destroyed there.`,
    last,
  ]);
}

import { type BatchPlan, NoveltyCheck, type NoveltyQuestion, PlanCounter } from '../batch/batch-plan.ts';
import { runFailureOf } from '../batch/batch-run.ts';
import { type CallQuotas, originWords, readQuotas } from '../batch/call-quotas.ts';
import type { Config } from '../config.ts';
import { loadStation } from '../handover/station-key.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { formatDuration } from '../terminal/progress.ts';
import { counted } from '../terminal/wording.ts';
import { type BatchInputs, eachBoard, readInputs } from './batch-inputs.ts';
import { type CommandContext, withStop } from './command-context.ts';

export interface BatchFlags {
  csv: string;
  batchId: string | undefined;
  /** The boards keep the labels that they have. */
  printedCodes: boolean;
}

/** Checks everything that can be checked without doing anything, and says what a run would do. */
export async function batchPlan(context: CommandContext, flags: BatchFlags): Promise<void> {
  const { workspace, surroundings } = context;
  const config = await context.config();
  const { state } = await replayJournal(journalPath(workspace));
  const inputs = await readInputs(workspace, flags.csv, flags.batchId, state);
  const counter = await countBoards(inputs, state, config);
  const quotas = await readQuotas(config, surroundings.signal);
  const plan = counter.plan(quotas);
  try {
    await withStop(surroundings.signal, async (stop) => {
      const backend = context.backend(config, stop.signal);
      if (backend && plan.fresh > 0)
        await checkNovelty(inputs, state, {
          backend,
          station: await loadStation(workspace),
          now: surroundings.clock.now(),
          printedCodes: flags.printedCodes,
        });
    });
  } catch (error) {
    throw runFailureOf(error);
  }
  showPlan(context, inputs, plan, quotas, config);
}

export async function countBoards(
  inputs: BatchInputs,
  state: JournalState,
  config: Config,
): Promise<PlanCounter> {
  const counter = new PlanCounter(state, config);
  await eachBoard(inputs.path, inputs.batchId, (row) => counter.add(row));
  return counter;
}

/** Boards that are not issued yet must be new to the backend, but for the codes of labels that they keep. */
export async function checkNovelty(
  inputs: BatchInputs,
  state: JournalState,
  question: Omit<NoveltyQuestion, 'batchId'>,
): Promise<void> {
  const check = new NoveltyCheck({ ...question, batchId: inputs.batchId });
  await eachBoard(inputs.path, inputs.batchId, async (row) => {
    if (!state.boards.has(row.serial)) await check.add(row);
  });
  await check.finish();
}

function showPlan(
  { terminal }: CommandContext,
  inputs: BatchInputs,
  plan: BatchPlan,
  { unread }: CallQuotas,
  config: Config,
): void {
  const { batchId } = inputs;
  const rows = plan.calls
    .filter(({ calls }) => calls > 0)
    .map(({ operation, calls, callsPerSecond, origin, seconds }) => [
      operation,
      String(calls),
      `${callsPerSecond}/s`,
      originWords[origin],
      formatDuration(seconds),
    ]);
  terminal.result(
    {
      batch_id: batchId,
      boards: plan.boards,
      finished: plan.finished,
      started: plan.issued,
      new: plan.fresh,
      seconds_at_least: plan.seconds,
      calls: plan.calls.map(({ operation, calls, callsPerSecond, origin, seconds }) => ({
        operation,
        calls,
        calls_per_second: callsPerSecond,
        quota_from: origin,
        seconds,
      })),
      quotas_unread: unread?.sentence,
      backend_checked: config.backend_url !== undefined && plan.fresh > 0,
    },
    [
      `Batch ${batchId}: ${counted(plan.boards, 'board')}; ${plan.finished} finished, ${plan.issued} begun, ${plan.fresh} new.`,
      ...(rows.length > 0
        ? [...terminal.table([['call', 'times', 'quota', 'from', 'at least'], ...rows])]
        : ['Nothing is left to do at AWS IoT.']),
      `The quotas make it at least ${formatDuration(plan.seconds)}.`,
      ...(unread && rows.length > 0 ? [unread.sentence] : []),
      config.backend_url === undefined
        ? 'No backend is configured: manifests are written as files, and duplicates there were not looked for.'
        : `Manifests go to ${config.backend_url}.`,
      'Nothing was done.',
    ],
  );
}

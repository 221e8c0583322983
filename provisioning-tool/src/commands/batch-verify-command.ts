import { runFailureOf } from '../batch/batch-run.ts';
import type { Finding } from '../batch/reconcile/finding.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isLive, isProvisioned } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { compareBatch, findBatch, stationRequestsOf } from './batch-comparison.ts';
import { type CommandContext, withStop } from './command-context.ts';

/** Re-checks what a batch left: bundles, labels, keys, and (unless offline) AWS IoT's registry and the backend. */
export async function batchVerify(context: CommandContext, batchId: string, offline: boolean): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  const config = await context.config();
  const replay = await replayJournal(journalPath(workspace));
  const { state } = replay;
  const batch = findBatch(replay, batchId);
  let backendAsked = false;
  const findings = await withStop(surroundings.signal, async (stop) => {
    const registry = offline ? undefined : await context.registryAtQuotas(config, stop.signal);
    try {
      const requests = offline ? undefined : await stationRequestsOf(context, config, stop.signal);
      backendAsked = requests !== undefined;
      const backend = requests && { requests, repairs: noRepairs };
      return await compareBatch(context, { config, replay, batch, registry, backend, orphans: false });
    } catch (error) {
      throw runFailureOf(error);
    } finally {
      registry?.close();
    }
  });
  const boards = state.boardsOf(batchId).map(([, board]) => board);
  const finished = boards.filter((board) => isLive(board) && isProvisioned(board));
  const verified = finished.length;
  const [revoked, destroyed] = (['revoked', 'destroyed'] as const).map(
    (end) => boards.filter((board) => board.life?.ended === end).length,
  ) as [number, number];
  const unfinished = batch.boards - verified - revoked - destroyed;
  const waiting = finished.filter((board) => !board.manifest?.accepted).length;
  const value = {
    batch_id: batchId,
    verified,
    revoked,
    destroyed,
    unfinished,
    not_handed_over: waiting,
    registry_checked: !offline,
    backend_checked: backendAsked,
  };
  terminal.result(
    {
      ...value,
      problems: findings.map(({ subject, problem, advice }) => ({ serial: subject, problem, advice })),
    },
    [
      ...terminal.table(findings.map(({ subject, problem }) => [subject, problem])),
      `Batch ${batchId}: ${counted(verified, 'finished board')} checked${notAsked(offline, backendAsked)}; ` +
        (findings.length === 0 ? 'everything agrees.' : `${counted(findings.length, 'problem')}.`),
      ...(revoked + destroyed > 0 ? [`No longer boards: ${revoked} revoked, ${destroyed} destroyed.`] : []),
      ...(unfinished > 0 ? [`Not finished, and not checked: ${counted(unfinished, 'board')}.`] : []),
      ...(waiting > 0 ? [`Not handed over to the backend yet: ${counted(waiting, 'board')}.`] : []),
    ],
  );
  refuseProblems(batchId, findings);
}

function notAsked(offline: boolean, backendAsked: boolean): string {
  if (offline) return ', AWS IoT not asked';
  return backendAsked ? '' : ', the backend not asked';
}

function refuseProblems(batchId: string, findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  throw new Refusal(
    'conflict',
    `Batch ${batchId} is not as the journal says; see the problems above. ` +
      `«aovis-provision batch reconcile ${batchId}» says what mends them.`,
  );
}

/** Verifying changes nothing. */
const noRepairs = {
  handOver: () => Promise.reject(new Error('verify repairs nothing')),
  end: () => Promise.reject(new Error('verify repairs nothing')),
};

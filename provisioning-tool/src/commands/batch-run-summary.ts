import type { BatchFolder } from '../batch/batch-folder.ts';
import { type BatchRunCounts, runFailureOf } from '../batch/batch-run.ts';
import type { Handover } from '../handover/handover.ts';
import type { BatchState, JournalState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { counted } from '../terminal/wording.ts';

export interface FinishedRun {
  batch: BatchState;
  /** Of the list. */
  boards: number;
  folder: BatchFolder;
  state: JournalState;
  counts: BatchRunCounts;
  handover: Handover;
  hasBackend: boolean;
  /** The boards keep labels that they have. */
  printedCodes: boolean;
}

/**
 * Says what a run came to, and what is left for the operator to do.
 * @throws Refusal when boards or manifests are not finished
 */
export function summariseRun(terminal: Terminal, run: FinishedRun): void {
  const { batch, boards, folder, state, counts, hasBackend, printedCodes } = run;
  const manifests = [...state.manifests.values()].filter(({ batch: { id } }) => id === batch.id);
  const waiting = manifests.filter(({ accepted }) => !accepted).length;
  const finished = counts.finished + counts.alreadyFinished;
  const bundles = folder.bundle('').replace(/\/$/, '');
  terminal.result(
    {
      batch_id: batch.id,
      boards,
      finished,
      finished_now: counts.finished,
      failed: counts.failed,
      manifests_accepted: manifests.length - waiting,
      manifests_waiting: waiting,
      bundles,
      labels: folder.labels,
    },
    [
      `Batch ${batch.id}: ${finished} of ${counted(boards, 'board')} finished (${counts.finished} now), ${counts.failed} failed.`,
      `Manifests: ${manifests.length - waiting} accepted by the backend, ${waiting} waiting.`,
      `Bundles: ${bundles}`,
      printedCodes
        ? 'Labels:  none; the boards keep those that they have.'
        : `Labels:  ${folder.labels} (activation codes: print, then keep them as the procedure says)`,
    ],
  );
  if (waiting > 0 && !hasBackend) terminal.warn(carryManifests(batch.id, waiting));
  refuseUnfinished(run, waiting > 0 && hasBackend);
}

function carryManifests(batchId: string, waiting: number): string {
  return (
    `The backend does not know these boards yet, so nobody can activate them: no backend is configured, and ${counted(waiting, 'manifest')} ` +
    `not handed over. Take them along with «aovis-provision batch export ${batchId} --to DIR» and import each file of ` +
    'DIR/manifests at the backend («manifest import --file»), or set backend_url and run the same command again.'
  );
}

function refuseUnfinished({ batch, counts, handover }: FinishedRun, waiting: boolean): void {
  if (counts.failed > 0) {
    throw new Refusal(
      counts.conflicts > 0 ? 'conflict' : 'partial',
      `${counted(counts.failed, 'board')} could not be finished; «aovis-provision batch status ${batch.id}» says why. ` +
        'Mend that, then run the same command again.',
    );
  }
  if (handover.failure) throw runFailureOf(handover.failure);
  if (waiting) throw new Refusal('partial', 'Some manifests are still waiting; run the same command again.');
}
